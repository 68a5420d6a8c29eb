import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL, tenantNamespace } from '../../contract/names.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { requestsTotal } from '../../platform/kubernetes/kubernetes-metrics.js';
import type { Deployment, KubernetesObject, Pod, Secret } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { randomName } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { conditionOf, needed, startPlatform, type TestPlatform } from '../../../test/support/platform.js';

const REPLY = 'import os\n\ndef handle(event, context):\n    return {"color": os.environ.get("COLOR"), "key": os.environ.get("KEY"), "revision": context.revision}\n';
const python = (source = REPLY) => ({ runtime: 'python', source: { inline: { 'handler.py': source } } });
/** Repairs, and everything else that waits for nothing but the platform itself. */
const SOON = { withinMs: 10_000, everyMs: 50 };
const ROLLED = { withinMs: 60_000, everyMs: 200 };

let platform: TestPlatform;
let client: KubernetesClient;
let namespace: string;
let database: Client;
const tenant = randomName('shop');
const functions = `/v1/tenants/${tenant}/functions`;

beforeAll(async () => {
  platform = await startPlatform();
  client = new KubernetesClient({ cluster: 'spec', source: { kind: 'file', path: needed('KUBECONFIG') } });
  database = new Client({ connectionString: platform.databaseUrl });
  await database.connect();
  namespace = tenantNamespace((await platform.tenant(tenant)).id as string);
  await platform.operator.put(`/v1/tenants/${tenant}/configs/texts`, { data: { COLOR: 'blue', KEY: 'from the set' } });
  await platform.operator.put(`/v1/tenants/${tenant}/secrets/keys`, { data: { KEY: 'first' } });
}, 180_000);

afterAll(async () => {
  await client?.close();
  await database?.end();
  await platform?.stop();
}, 120_000);

async function deploy(name: string, body: Record<string, unknown>): Promise<string> {
  const answer = await platform.operator.put(`${functions}/${name}`, body);
  expect(answer.status).toBeLessThan(300);
  return answer.body.id as string;
}

async function ofFunction<T extends KubernetesObject>(type: ResourceType, functionId: string): Promise<T[]> {
  return (await client.list<T>(type, { namespace, labelSelector: `${LABEL.functionId}=${functionId}` })).items;
}

function resource(name: string): Promise<FunctionResource | null> {
  return client.find<FunctionResource>(RESOURCE.function, { namespace, name });
}

async function invoke(name: string): Promise<Record<string, unknown>> {
  const answer = await platform.operator.post(`${functions}/${name}/invocations`, {});
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  return answer.body as Record<string, unknown>;
}

/** Requests of this process that a function's job could have made; watches run on by themselves. */
async function calls(): Promise<Record<string, number>> {
  const { values } = await requestsTotal.get();
  const counted = values.filter(({ labels }) => labels.verb !== 'watch' && ['functions', 'configmaps', 'secrets'].includes(String(labels.resource)));
  return Object.fromEntries(counted.map(({ labels, value }) => [`${labels.verb} ${labels.resource}`, value]));
}

async function jobsDone(): Promise<void> {
  await eventually(async () => expect((await database.query(`SELECT key FROM work_item WHERE kind = 'function'`)).rows).toEqual([]), SOON);
}

describe('a function on a cluster', () => {
  it('runs with its environment, from immutable objects that are named in one Function', async () => {
    const id = await deploy('colors', { ...python(), configs: ['texts'], secrets: ['keys'], environment: { EXTRA: 'x' } });
    await platform.ready(tenant, 'colors');
    expect(await invoke('colors')).toMatchObject({ color: 'blue', key: 'first' });
    const found = await resource('colors');
    const [configMaps, secrets] = [await ofFunction<KubernetesObject & { data: object; immutable: boolean }>(RESOURCE.configMap, id), await ofFunction<Secret>(RESOURCE.secret, id)];
    expect(configMaps.map(({ data, immutable }) => [data, immutable])).toEqual([[{ COLOR: 'blue', KEY: 'from the set', EXTRA: 'x' }, true]]);
    expect(secrets.map(({ immutable }) => immutable)).toEqual([true]);
    expect(found!.spec.revisions).toMatchObject([{ number: 1, configMap: configMaps[0]!.metadata.name, secret: secrets[0]!.metadata.name }]);
    expect(JSON.stringify(found)).not.toContain('first');
  });

  it('asks the cluster nothing where nothing differs', async () => {
    const { functionId, tenantId } = (await resource('colors'))!.spec;
    await jobsDone();
    const before = await calls();
    for (let run = 0; run < 3; run += 1) {
      await database.query(`SELECT enqueue_work('function', $1, $2, 0)`, [`${tenantId}/${functionId}`, tenantId]);
      await jobsDone();
    }
    expect(await calls()).toEqual(before);
  });

  it('is told of releases and scaling as the API server keeps it: nothing of it is sent again', async () => {
    const settings = {
      scaling: { min: 1, max: 1, burst: 3, scaleDownDelaySeconds: 30, idleTimeoutSeconds: 90 }, traffic: [{ percent: 100, tag: 'now' }],
      rollout: { strategy: 'canary', steps: [{ setWeight: 20 }, { pause: {} }], analysis: { maxErrorPercent: 5, windowSeconds: 30, minRequests: 5 } },
    };
    await deploy('releases', { ...python(), ...settings });
    await platform.ready(tenant, 'releases');
    const { spec } = (await resource('releases'))!;
    expect(spec).toMatchObject({ ...settings, rollout: { ...settings.rollout, attempt: 1 } });
    await jobsDone();
    const before = await calls();
    await database.query(`SELECT enqueue_work('function', $1, $2, 0)`, [`${spec.tenantId}/${spec.functionId}`, spec.tenantId]);
    await jobsDone();
    expect(await calls()).toEqual(before);
    const { body } = await platform.operator.get(`${functions}/releases`);
    expect(body.status).toMatchObject({ servingRevision: 1, rollout: { revision: 1, attempt: 1, phase: 'completed' } });
    await platform.operator.delete(`${functions}/releases`);
  });

  it('follows a new value of a secret without a new revision, and forgets the old one', async () => {
    const { functionId } = (await resource('colors'))!.spec;
    const [old] = await ofFunction<Secret>(RESOURCE.secret, functionId);
    await platform.operator.put(`/v1/tenants/${tenant}/secrets/keys`, { data: { KEY: 'second' } });
    await eventually(async () => expect(await invoke('colors')).toMatchObject({ key: 'second' }), ROLLED);
    await eventually(async () => {
      const names = (await ofFunction<Secret>(RESOURCE.secret, functionId)).map(({ metadata }) => metadata.name);
      expect(names).toHaveLength(1);
      expect(names).not.toContain(old!.metadata.name);
    }, ROLLED);
    expect((await platform.operator.get(`${functions}/colors`)).body.status.targetRevision).toBe(1);
    expect((await platform.operator.delete(`/v1/tenants/${tenant}/secrets/keys`)).body.code).toBe('SECRET_IN_USE');
  });

  it('is put right when somebody changes or deletes it', async () => {
    const before = (await resource('colors'))!;
    await client.patch(RESOURCE.function, { namespace, name: 'colors' }, { spec: { scaling: { max: 50 }, authentication: 'none' } });
    await eventually(async () => expect((await resource('colors'))?.spec).toEqual(before.spec), SOON);
    await client.patch(RESOURCE.function, { namespace, name: 'colors' }, { metadata: { labels: { [LABEL.functionId]: 'stolen' } } });
    await eventually(async () => expect((await resource('colors'))?.metadata.labels).toEqual(before.metadata.labels), SOON);
    await client.delete(RESOURCE.function, { namespace, name: 'colors' }, { propagationPolicy: 'Background' });
    await eventually(async () => {
      const now = await resource('colors');
      expect(now?.metadata.uid).not.toBe(before.metadata.uid);
      expect(now?.spec).toEqual(before.spec);
    }, SOON);
    await platform.ready(tenant, 'colors');
  });

  it('serves with the revision before while the next cannot be built, and says why', async () => {
    const broken = await platform.operator.put(`${functions}/colors`, { runtime: 'python', handler: 'nothere.handle', source: { inline: { 'handler.py': REPLY } } });
    expect(broken.status).toBe(202);
    await eventually(async () => {
      const { body } = await platform.operator.get(`${functions}/colors`);
      expect(conditionOf(body, 'Ready')).toMatchObject({ status: 'False', reason: 'BuildFailed', message: expect.stringContaining('nothere') as string });
      expect(conditionOf(body, 'Reconciling')).toMatchObject({ status: 'False' });
      expect(conditionOf(body, 'Serving')).toMatchObject({ status: 'True' });
    }, SOON);
    expect((await platform.operator.get(`/v1/tenants/${tenant}/operations/${broken.body.operation.id}`)).body).toMatchObject({ state: 'failed', reason: 'BuildFailed' });
    expect(await invoke('colors')).toMatchObject({ revision: 1 });
    // A setting follows nevertheless, with the revision that runs.
    await platform.operator.put(`/v1/tenants/${tenant}/secrets/keys`, { data: { KEY: 'third' } });
    await eventually(async () => expect(await invoke('colors')).toMatchObject({ key: 'third' }), ROLLED);
  });

  it('moves to the next good one, and leaves one revision behind', async () => {
    const { functionId } = (await resource('colors'))!.spec;
    const answer = await platform.operator.put(`${functions}/colors`, { ...python(REPLY.replace('"revision"', '"now"')), scaling: { max: 2 } });
    const ready = await platform.ready(tenant, 'colors');
    expect(ready.status).toMatchObject({ servingRevision: 3, targetRevision: 3 });
    expect((await platform.operator.get(`/v1/tenants/${tenant}/operations/${answer.body.operation.id}`)).body.state).toBe('succeeded');
    await eventually(async () => {
      expect((await resource('colors'))!.spec.revisions.map(({ number }) => number)).toEqual([3]);
      expect((await ofFunction<Deployment>(RESOURCE.deployment, functionId)).map(({ metadata }) => metadata.labels?.[LABEL.revision])).toEqual(['3']);
      expect(await ofFunction(RESOURCE.secret, functionId)).toEqual([]);
    }, ROLLED);
  });

  it('stops with its suspended tenant and comes back with it', async () => {
    const { functionId } = (await resource('colors'))!.spec;
    await platform.operator.put(`/v1/tenants/${tenant}/suspension`, { level: 'compute' });
    await eventually(async () => {
      expect((await resource('colors'))!.spec.suspension).toBe('compute');
      expect((await ofFunction<Pod>(RESOURCE.pod, functionId))).toEqual([]);
    }, ROLLED);
    await platform.operator.put(`/v1/tenants/${tenant}/suspension`, { level: 'none' });
    await platform.ready(tenant, 'colors');
    expect((await resource('colors'))!.spec.suspension).toBe('none');
  });

  it('is gone without a trace after its deletion, and its name is free', async () => {
    const { functionId } = (await resource('colors'))!.spec;
    // What has lost its owner is found by its labels.
    await client.apply(RESOURCE.configMap, { metadata: { name: 'left-over', namespace, labels: { [LABEL.functionId]: functionId } } }, { fieldManager: 'spec' });
    const deleted = await platform.operator.delete(`${functions}/colors`);
    expect(deleted.status).toBe(202);
    await eventually(async () => expect((await platform.operator.get(`${functions}/colors`)).status).toBe(404), ROLLED);
    for (const type of [RESOURCE.function, RESOURCE.deployment, RESOURCE.replicaSet, RESOURCE.pod, RESOURCE.service, RESOURCE.networkPolicy, RESOURCE.configMap, RESOURCE.secret]) {
      expect([type.kind, await ofFunction(type, functionId)]).toEqual([type.kind, []]);
    }
    expect((await platform.operator.get(`/v1/tenants/${tenant}/operations/${deleted.body.operation.id}`)).body.state).toBe('succeeded');
    expect((await platform.operator.get(`/v1/tenants/${tenant}/quota`)).body.used).toMatchObject({ functions: 0, pods: 0, memoryMb: 0 });
    await deploy('colors', python());
    await platform.ready(tenant, 'colors');
  });
});
