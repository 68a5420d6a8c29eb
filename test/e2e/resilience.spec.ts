import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpAnswer } from '../../deploy/local/http-client.ts';
import { FUNCTION_PORT, revisionName, tenantNamespace } from '../../src/contract/names.js';
import type { Role } from '../../src/platform/config/config.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { clusterClient, leftovers } from '../support/leftovers.js';
import { OwnPostgres } from '../support/own-postgres.js';
import { conditionOf } from '../support/platform.js';
import { descendantsOf, isAlive } from '../support/process-family.js';
import { newInstallation, type Installation } from '../support/role-environment.js';
import { RoleProcess } from '../support/role-process.js';
import { deploy, invoke, isReady, podsOf, put, python, readyFunction, readyPod } from '../support/tenant-functions.js';
import { mintToken } from '../support/tokens.js';

const BACK_WITHIN_MS = 60_000;

const STEADY = `import os
import time
import uuid

LIFE = str(uuid.uuid4())


def handle(event, context):
    if (event["data"] or {}).get("die"):
        os._exit(9)
    time.sleep((event["data"] or {}).get("seconds", 0))
    return {"life": LIFE, "request": context.request_id}
`;

/** Takes the compiler a while, so that a worker can be killed at it; never built before. */
const GO = (mark: string): string => `package function

import (
	"context"
	"encoding/json"
	"net/http"

	"fnplane.dev/fn"
)

func Handle(ctx context.Context, event fn.Event) (any, error) {
	text, err := json.Marshal(map[string]string{"mark": "${mark}", "method": http.MethodPost})
	return fn.Response{StatusCode: http.StatusOK, Body: json.RawMessage(text)}, err
}
`;

describe('a platform that loses its parts', () => {
  let client: KubernetesClient;
  let postgres: OwnPostgres;
  let installation: Installation;
  let operated: { operator: HttpClient };
  let tenantId: string;
  let apiKey: string;
  let token: string;
  const running = new Set<RoleProcess>();
  const tenant = randomName('steady');
  /** Invocations that nobody waits for, by id. */
  const accepted: string[] = [];
  const path = `/v1/tenants/${tenant}`;
  let front: RoleProcess;
  let worker: RoleProcess;
  let data: RoleProcess;

  beforeAll(async () => {
    client = clusterClient();
    postgres = await OwnPostgres.start();
    installation = await newInstallation(postgres.url);
    token = await mintToken({ roles: ['operator'] });
    [front, worker, data] = await Promise.all([start('api', 'meter'), start('worker'), start('operator', 'gateway')]);
    useApi();
    const created = await operated.operator.post('/v1/tenants', { name: tenant });
    expect(created.status).toBe(202);
    tenantId = created.body.id as string;
    await Promise.all(['steady', 'counted'].map((name) => deploy(operated, tenant, python(name, STEADY))));
    const key = await operated.operator.post(`${path}/api-keys`, { name: 'caller', role: 'developer' });
    apiKey = key.body.key as string;
    await eventually(async () => expect((await call('steady')).status).toBe(200), { withinMs: 20_000 });
  });
  afterAll(async () => {
    await Promise.all([...running].map((each) => each.stop()));
    await postgres?.stop();
    await client.close();
  });

  async function start(...roles: Role[]): Promise<RoleProcess> {
    const started = new RoleProcess(roles.join('+'), installation.environmentOf(...roles));
    running.add(started);
    return started.ready();
  }

  async function stop(process: RoleProcess): Promise<void> {
    running.delete(process);
    expect(await process.stop()).toEqual({ code: 0, signal: null });
  }

  /** The API's port is a new one with each process; who asks stays the same. */
  function useApi(): void {
    operated = { operator: new HttpClient(front.api, token) };
  }

  function call(name: string, body: unknown = {}): Promise<HttpAnswer> {
    return new HttpClient(installation.gatewayUrl).post(`/${tenant}/${name}`, body, { headers: { 'x-api-key': apiKey } });
  }

  async function asyncStates(): Promise<Record<string, string>> {
    const { items } = (await operated.operator.get(`${path}/async-invocations`)).body as { items: { id: string; state: string }[] };
    return Object.fromEntries(items.map(({ id, state }) => [id, state]));
  }

  async function counted(): Promise<number> {
    const { functions } = (await operated.operator.get(`${path}/usage`)).body as { functions: { functionName: string; invocations: number }[] };
    return functions.find(({ functionName }) => functionName === 'counted')?.invocations ?? 0;
  }

  it('loses a worker in the middle of a deploy, and of invocations that nobody waits for', async () => {
    await put(operated, tenant, { name: 'compiled', runtime: 'go', source: { inline: { 'handler.go': GO(randomName('mark')) } }, resources: { cpuMillis: 50, memoryMb: 64 } });
    await eventually(async () => expect(conditionOf((await operated.operator.get(`${path}/functions/compiled`)).body, 'Ready')).toMatchObject({ reason: 'Building' }), { withinMs: 30_000, everyMs: 20 });
    const family = await eventually(async () => {
      const found = descendantsOf(worker.pid);
      expect(found.length).toBeGreaterThan(1);
      return found;
    }, { withinMs: 30_000, everyMs: 10 });
    for (let i = 0; i < 3; i += 1) {
      const { status, body } = await operated.operator.post(`${path}/functions/steady/async-invocations`, { seconds: 4 });
      expect(status).toBe(202);
      accepted.push(body.id as string);
    }
    await eventually(async () => expect(Object.values(await asyncStates())).toContain('running'), { withinMs: 10_000, everyMs: 20 });
    worker.kill('SIGKILL');
    running.delete(worker);
    expect(await worker.ended).toEqual({ code: null, signal: 'SIGKILL' });
    expect(Object.values(await asyncStates())).not.toContain('succeeded');
    expect(conditionOf((await operated.operator.get(`${path}/functions/compiled`)).body, 'Ready')).toMatchObject({ status: 'False', reason: 'Building' });
    await eventually(async () => expect(family.filter(isAlive)).toEqual([]), { withinMs: 5_000 });
    worker = await start('worker');
    // The dead one's lease has to run out first: what became of it is looked at in the end.
  });

  /** Rounds of the meter over the cluster's pods. */
  async function podRounds(outcome: 'booked' | 'failed'): Promise<number> {
    const text = await (await fetch(`${front.management}/metrics`)).text();
    return Number(new RegExp(`^fnplane_meter_rounds_total\\{[^}]*source="pods",outcome="${outcome}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  }

  it('counts each invocation once, over pods that come and go', async () => {
    const lives = new Set<string>();
    const invokeTimes = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i += 1) lives.add((await invoke<{ life: string }>(operated, tenant, 'counted')).life);
    };
    await invokeTimes(7);
    const pod = await readyPod(client, tenantId, 'counted');
    await client.delete(RESOURCE.pod, { namespace: tenantNamespace(tenantId), name: pod.metadata.name });
    // Some while the old pod drains and the new one starts: the gateway waits for a pod or tries another.
    await invokeTimes(5);
    await eventually(async () => {
      const next = await readyPod(client, tenantId, 'counted');
      expect(next.metadata.uid).not.toBe(pod.metadata.uid);
    }, { withinMs: BACK_WITHIN_MS });
    await eventually(async () => expect(await client.find(RESOURCE.pod, { namespace: tenantNamespace(tenantId), name: pod.metadata.name })).toBeNull(), { withinMs: BACK_WITHIN_MS });
    await invokeTimes(4);
    expect(lives.size).toBeGreaterThan(1);
    await eventually(async () => expect(await counted()).toBe(16), { withinMs: 20_000 });
    // And it stays so: later rounds of the meter add nothing.
    const before = await podRounds('booked');
    await eventually(async () => expect(await podRounds('booked')).toBeGreaterThan(before + 3), { withinMs: 20_000 });
    expect(await counted()).toBe(16);
  });

  it('loses Postgres for a while: the API says so, the data path goes on, and all recovers', async () => {
    await postgres.interrupt();
    const refused = await operated.operator.get(path);
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([503, 'DATABASE_UNAVAILABLE', expect.stringMatching(/^\d+$/)]);
    expect([(await fetch(`${front.management}/livez`)).status, (await fetch(`${front.management}/readyz`)).status]).toEqual([200, 503]);
    expect((await call('steady')).status).toBe(200);
    // It stays away until every part has noticed.
    await eventually(async () => {
      expect(await podRounds('failed')).toBeGreaterThan(0);
      expect(worker.lines.some((line) => line.includes('work could not be claimed'))).toBe(true);
    }, { withinMs: 20_000 });
    await postgres.resume();
    await eventually(async () => expect((await operated.operator.get(path)).status).toBe(200), { withinMs: 30_000 });
    await Promise.all([front, worker].map((each) => each.ready()));
    expect((await invoke<{ life: string }>(operated, tenant, 'steady')).life).toBeDefined();
  });

  it('loses API, worker and meter: functions answer, and a deleted workload is put back', async () => {
    const before = { fn: (await operated.operator.get(`${path}/functions/steady`)).body, life: (await call('steady')).body.life as string };
    await Promise.all([stop(front), stop(worker)]);
    expect((await call('steady')).body).toMatchObject({ life: before.life });
    const ref = { namespace: tenantNamespace(tenantId), name: revisionName('steady', 1) };
    const { uid } = (await client.get(RESOURCE.deployment, ref)).metadata;
    await client.delete(RESOURCE.deployment, ref, { propagationPolicy: 'Foreground' });
    await eventually(async () => expect((await client.get(RESOURCE.deployment, ref)).metadata.uid).not.toBe(uid), { withinMs: BACK_WITHIN_MS });
    await eventually(async () => {
      const { status, body } = await call('steady');
      expect([status, body.life === before.life]).toEqual([200, false]);
    }, { withinMs: BACK_WITHIN_MS });
  });

  it('loses everything: pods and containers still come back', async () => {
    await stop(data);
    const namespace = tenantNamespace(tenantId);
    const before = await readyPod(client, tenantId, 'steady');
    await client.delete(RESOURCE.pod, { namespace, name: before.metadata.name });
    const pod = await eventually(async () => {
      const [found] = (await podsOf(client, tenantId, 'steady')).filter((each) => each.metadata.uid !== before.metadata.uid && isReady(each));
      return found ?? Promise.reject(new Error('no other pod is ready'));
    }, { withinMs: BACK_WITHIN_MS });
    // The handler ends its own process: the request breaks off, the container starts again in the same pod.
    const { status } = await client.proxy({ kind: 'pods', namespace, name: pod.metadata.name, port: FUNCTION_PORT }, { method: 'POST', path: '/', headers: { 'content-type': 'application/json' }, body: '{"die":true}' })
      .then(async (answer) => {
        answer.body.destroy();
        return answer;
      }, () => ({ status: 0 }));
    expect(status).not.toBe(200);
    await eventually(async () => {
      const [again] = (await podsOf(client, tenantId, 'steady')).filter(isReady);
      expect([again?.metadata.uid, again?.status?.containerStatuses?.[0]?.restartCount]).toEqual([pod.metadata.uid, 1]);
    }, { withinMs: BACK_WITHIN_MS });
  });

  it('is as it was once its parts run again, and has finished what the killed worker began', async () => {
    [front, worker, data] = await Promise.all([start('api', 'meter'), start('worker'), start('operator', 'gateway')]);
    useApi();
    for (const name of ['steady', 'counted', 'compiled']) {
      const fn = await readyFunction(operated, tenant, name, 150_000);
      expect(fn.status).toMatchObject({ servingRevision: 1, targetRevision: 1, readyReplicas: 1 });
      expect(fn.generation).toBe(1);
    }
    expect((await call('steady')).status).toBe(200);
    expect(await counted()).toBe(16);
    expect(await invoke(operated, tenant, 'compiled')).toMatchObject({ method: 'POST' });
    await eventually(async () => expect(await asyncStates()).toEqual(Object.fromEntries(accepted.map((id) => [id, 'succeeded']))), { withinMs: BACK_WITHIN_MS });
    for (const id of accepted) expect((await operated.operator.get(`${path}/async-invocations/${id}/result`)).body).toMatchObject({ request: id });
    const { items } = (await operated.operator.get(`${path}/operations`)).body as { items: { kind: string; targetName: string; state: string }[] };
    expect(items.filter(({ targetName }) => targetName === 'compiled')).toEqual([expect.objectContaining({ kind: 'function.deploy', state: 'succeeded' })]);
  });

  it('can be taken away wholly after all of that', async () => {
    const { total } = (await operated.operator.get(`/v1/tenants/${tenantId}/usage`)).body as { total: { invocations: number } };
    expect((await operated.operator.delete(path)).status).toBe(202);
    // The worker dies in the middle; the tenant is seen all the while, and the next worker goes on.
    await eventually(async () => expect(conditionOf((await operated.operator.get(path)).body, 'Ready')).toMatchObject({ status: 'False', reason: 'Deleting' }), { withinMs: 30_000, everyMs: 20 });
    worker.kill('SIGKILL');
    running.delete(worker);
    await worker.ended;
    const seen = await operated.operator.get(path);
    expect([seen.status, seen.body.state]).toEqual([200, 'deleting']);
    worker = await start('worker');
    await eventually(async () => expect((await operated.operator.get(path)).status).toBe(404), { withinMs: 120_000 });
    expect(await leftovers(tenantNamespace(tenantId))).toEqual([]);
    const ledger = await operated.operator.get(`/v1/tenants/${tenantId}/usage`);
    expect([ledger.status, ledger.body.total.invocations >= total.invocations]).toEqual([200, true]);
    expect((await operated.operator.get(`/v1/tenants/${tenantId}/invoice-preview`)).status).toBe(200);
  }, 200_000);
});
