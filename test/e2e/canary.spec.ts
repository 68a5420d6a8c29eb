import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { LABEL, SYSTEM_NAMESPACE, tenantNamespace } from '../../src/contract/names.js';
import type { Role } from '../../src/platform/config/config.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Pod, Secret } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { everyObject } from '../support/every-object.js';
import { clusterClient, leftovers } from '../support/leftovers.js';
import { OwnPostgres } from '../support/own-postgres.js';
import { newInstallation, type Installation } from '../support/role-environment.js';
import { RoleProcess } from '../support/role-process.js';
import { deploy, invoke, podsOf, put, python, readyFunction } from '../support/tenant-functions.js';
import { mintToken } from '../support/tokens.js';

const READER = `import os
from pathlib import Path


def handle(event, context):
    file = Path("/var/run/secrets/fnplane/bird/SONG")
    return {"environment": len(os.environ.get("SONG", "")), "file": len(file.read_text()) if file.exists() else 0}
`;
/** Ends at its start where it has no song: its log and its events go the way of every failure. */
const FAILING = 'import os\n\nSONG = os.environ["SONG"]\nraise RuntimeError("no bird")\n';

/** A value in every form it could lie about in. Parts, so that base64 finds it whatever stands before it. */
function formsOf(value: string): string[] {
  const inner = [0, 1, 2].map((shift) => Buffer.from('x'.repeat(shift) + value).toString('base64').replace(/=+$/, '').slice(shift === 0 ? 0 : 4, -4));
  return [value, encodeURIComponent(value), Buffer.from(value).toString('hex'), Buffer.from(value).toString('hex').toUpperCase(), ...inner];
}

describe('a canary among the secrets', () => {
  const values = ['first', 'second'].map((word) => `canary-${word}-${randomBytes(18).toString('hex')}`);
  const forms = values.flatMap(formsOf);
  const tenant = randomName('aviary');
  let client: KubernetesClient;
  let postgres: OwnPostgres;
  let installation: Installation;
  let platform: { operator: HttpClient };
  let tenantId: string;
  const running: RoleProcess[] = [];

  beforeAll(async () => {
    client = clusterClient();
    postgres = await OwnPostgres.start();
    installation = await newInstallation(postgres.url);
    const start = async (...roles: Role[]): Promise<RoleProcess> => {
      // Everything the platform could ever log.
      const process = new RoleProcess(roles.join('+'), { ...installation.environmentOf(...roles), FNPLANE_LOG_LEVEL: 'trace' });
      running.push(process);
      return process.ready();
    };
    const [api] = await Promise.all([start('api', 'meter'), start('worker'), start('operator', 'gateway')]);
    platform = { operator: new HttpClient(api!.api, await mintToken({ roles: ['operator'] })) };
    const created = await platform.operator.post('/v1/tenants', { name: tenant });
    expect(created.status).toBe(202);
    tenantId = created.body.id as string;
  });
  afterAll(async () => {
    await Promise.all(running.map((process) => process.stop()));
    await postgres?.stop();
    await client?.close();
  });

  async function sing(value: string): Promise<void> {
    expect((await platform.operator.put(`/v1/tenants/${tenant}/secrets/bird`, { data: { SONG: value } })).status).toBeLessThan(300);
  }

  /** Kubernetes Secrets made to bring values to functions: their data is the one place for them. */
  const isCarrier = ({ type, object }: { type: { kind: string }; object: KubernetesObject }): boolean => type.kind === 'Secret' && object.metadata.labels?.[LABEL.component] === 'configuration';

  async function traces(namespace: string): Promise<string[]> {
    const objects = await everyObject(client, namespace);
    expect(objects.length).toBeGreaterThan(0);
    return objects.flatMap((found) => {
      const { data, ...rest } = found.object as Secret;
      const text = JSON.stringify(isCarrier(found) ? rest : { ...rest, data });
      return forms.filter((form) => text.includes(form)).map((form) => `${found.type.kind} ${found.object.metadata.name}: ${form}`);
    });
  }

  it('sings in functions, in both forms of delivery and after a rotation', async () => {
    await sing(values[0]!);
    await deploy(platform, tenant, python('both', READER, { secrets: ['bird'], secretDelivery: { as: 'both' } }));
    await deploy(platform, tenant, python('live', READER, { secrets: ['bird'], secretDelivery: { as: 'files', updates: 'live' } }));
    expect(await invoke(platform, tenant, 'both')).toEqual({ environment: values[0]!.length, file: values[0]!.length });
    await put(platform, tenant, python('failing', FAILING, { secrets: ['bird'] }));
    await eventually(async () => {
      const { body } = await platform.operator.get(`/v1/tenants/${tenant}/functions/failing`);
      expect(body.status.conditions).toContainEqual(expect.objectContaining({ type: 'Ready', reason: 'StartupFailed' }));
    }, { withinMs: 60_000 });
    await sing(values[1]!);
    const length = values[1]!.length;
    await eventually(async () => expect(await invoke(platform, tenant, 'both')).toEqual({ environment: length, file: length }), { withinMs: 60_000, everyMs: 300 });
    await eventually(async () => expect(await invoke(platform, tenant, 'live')).toEqual({ environment: 0, file: length }), { withinMs: 90_000, everyMs: 300 });
    await readyFunction(platform, tenant, 'both');
  }, 300_000);

  it('is in the data of the Secrets made for it, so that a search finds what is there', async () => {
    const objects = await everyObject(client, tenantNamespace(tenantId));
    const carriers = objects.filter(isCarrier).map(({ object }) => JSON.stringify((object as Secret).data));
    expect(carriers.length).toBeGreaterThanOrEqual(3);
    expect(carriers.every((text) => forms.some((form) => text.includes(form)))).toBe(true);
    expect(carriers.some((text) => formsOf(values[1]!).some((form) => text.includes(form)))).toBe(true);
    for (const kind of ['Function', 'Deployment', 'ReplicaSet', 'Pod', 'Service', 'NetworkPolicy', 'Event', 'ConfigMap', 'Secret', 'EndpointSlice']) {
      expect([kind, objects.some(({ type }) => type.kind === kind)]).toEqual([kind, true]);
    }
  });

  it('is in no other object of any kind, in no form', async () => {
    expect(await traces(tenantNamespace(tenantId))).toEqual([]);
    expect(await traces(SYSTEM_NAMESPACE)).toEqual([]);
  });

  it('is in no specification of a pod but by reference', async () => {
    for (const name of ['both', 'live', 'failing']) {
      const pods = await podsOf(client, tenantId, name);
      expect(pods.length).toBeGreaterThan(0);
      for (const { spec } of pods as Pod[]) {
        const [container] = spec!.containers;
        expect(container!.env!.map(({ name: variable }) => variable)).not.toContain('SONG');
        expect(container!.envFrom?.every(({ secretRef, configMapRef }) => secretRef !== undefined || configMapRef !== undefined) ?? true).toBe(true);
      }
    }
    const { items } = await client.list<KubernetesObject>(RESOURCE.function, { namespace: tenantNamespace(tenantId) });
    expect(items).toHaveLength(3);
  });

  it('is in no line of the platform\'s logs', async () => {
    const lines = running.flatMap((process) => process.lines);
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.filter((line) => forms.some((form) => line.includes(form)))).toEqual([]);
  });

  it('is gone from the cluster with its tenant', async () => {
    expect((await platform.operator.delete(`/v1/tenants/${tenant}`)).status).toBe(202);
    await eventually(async () => expect((await platform.operator.get(`/v1/tenants/${tenant}`)).status).toBe(404), { withinMs: 90_000 });
    expect(await leftovers(tenantNamespace(tenantId))).toEqual([]);
    expect(await traces(SYSTEM_NAMESPACE)).toEqual([]);
    const lines = running.flatMap((process) => process.lines);
    expect(lines.filter((line) => forms.some((form) => line.includes(form)))).toEqual([]);
  });
});
