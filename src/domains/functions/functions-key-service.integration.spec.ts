import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { SealingRig, type SealingProcess, type TestTenant } from '../../../test/support/sealing-rig.js';
import { TransitServer } from '../../../test/support/transit-server.js';
import type { FunctionResource } from '../../contract/function-resource.js';
import { tenantNamespace } from '../../contract/names.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import { ClusterConnections } from '../clusters/cluster/cluster-connections.js';
import { FunctionWatch } from './cluster/function.watch.js';
import { ReconcileFunctionJob } from './jobs/reconcile-function.job.js';

const COLLECTION = '/apis/fnplane.dev/v1/functions';
const IMAGE = `registry.example/team/app@sha256:${'a'.repeat(64)}`;

let rig: SealingRig;
let one: SealingProcess;
let tenant: TestTenant;
let transit: TransitServer;
let cluster: FakeApiServer;
let client: KubernetesClient;
let folder: string;

// A cluster that shows every request it is sent; whether a real one takes them is tested elsewhere.
beforeEach(async () => {
  [rig, transit, cluster] = [await SealingRig.create(), new TransitServer(), new FakeApiServer()];
  transit.createKey('fnplane');
  await Promise.all([transit.start(), cluster.start()]);
  folder = mkdtempSync(join(tmpdir(), 'fnplane-transit-'));
  writeFileSync(join(folder, 'token'), transit.issueToken());
  one = await rig.start({ FNPLANE_KEY_PROVIDER: 'vault-transit', FNPLANE_VAULT_ADDRESS: transit.url, FNPLANE_VAULT_TOKEN_FILE: join(folder, 'token'), FNPLANE_VAULT_KEY: 'fnplane' });
  tenant = await rig.tenant(one);
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: cluster.kubeconfig, trusted: true } });
  const clusterId = randomUUID();
  one.plane.app.get(ClusterConnections, { strict: false }).set(clusterId, client);
  await rig.sql(one, `INSERT INTO cluster (id, name, region) VALUES ($1, 'fake', 'test')`, [clusterId]);
  await rig.sql(one, `INSERT INTO placement (tenant_id, cluster_id, namespace, namespace_uid, state, observed_generation) VALUES ($1, $2, $3, 'uid', 'active', 1)`, [tenant.context.tenantId, clusterId, tenantNamespace(tenant.context.tenantId)]);
  const watch = one.plane.app.get(FunctionWatch, { strict: false });
  watch.start(clusterId, 'fake', client);
  await watch.synced(clusterId, 10_000);
  await one.operator.put(`${tenant.path}/keys`, { data: { KEY: 'first' } });
  await one.operator.put(`/v1/tenants/${tenant.name}/configs/texts`, { data: { COLOR: 'blue' } });
});
afterEach(async () => {
  await one.plane.app.get(FunctionWatch, { strict: false }).stop();
  await client.close();
  await rig.stop();
  await Promise.all([transit.stop(), cluster.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function deploy(name: string, uses: { configs?: string[]; secrets?: string[] }): Promise<string> {
  const answer = await one.operator.put(`/v1/tenants/${tenant.name}/functions/${name}`, { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } }, ...uses });
  expect(answer.status).toBeLessThan(300);
  await rig.sql(one, `UPDATE revision SET build_state = 'built', image = $2 WHERE function_id = $1`, [answer.body.id, IMAGE]);
  return answer.body.id as string;
}

function reconcile(id: string): Promise<unknown> {
  return one.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${tenant.context.tenantId}/${id}`, new AbortController().signal);
}

function resource(name: string): Promise<FunctionResource> {
  return client.get<FunctionResource>(RESOURCE.function, { namespace: tenantNamespace(tenant.context.tenantId), name });
}

/** As the operator says once the pods serve. */
async function serving(name: string): Promise<void> {
  const fn = await resource(name);
  cluster.put(COLLECTION, { ...fn, status: { observedPlatformGeneration: fn.spec.platformGeneration, servingRevision: 1, conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: new Date().toISOString() }] } } as never);
  await eventually(async () => expect((await one.operator.get(`/v1/tenants/${tenant.name}/functions/${name}`)).body.status.servingRevision).toBe(1), { withinMs: 5_000 });
}

const writes = () => cluster.requests.filter(({ verb }) => verb === 'patch' || verb === 'delete' || verb === 'replace' || verb === 'create');

describe('a key service that is away', () => {
  it('takes nothing from a function that uses secrets, and puts nothing half into place', async () => {
    const id = await deploy('app', { configs: ['texts'], secrets: ['keys'] });
    await reconcile(id);
    await serving('app');
    const [before, sent] = [await resource('app'), writes().length];
    expect(before.spec.revisions[0]).toMatchObject({ secret: expect.stringContaining('app-env-'), configMap: expect.stringContaining('app-env-') });
    transit.sealed = true;
    await expect(reconcile(id)).rejects.toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', retryable: true });
    await one.operator.put(`/v1/tenants/${tenant.name}/configs/texts`, { data: { COLOR: 'red' } });
    await expect(reconcile(id)).rejects.toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE' });
    expect(writes()).toHaveLength(sent);
    expect((await resource('app')).spec).toEqual(before.spec);
    // What serves is not said to be out of order.
    const { conditions } = (await one.operator.get(`/v1/tenants/${tenant.name}/functions/app`)).body.status as { conditions: { type: string; status: string }[] };
    expect(conditions.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'True' });
    transit.sealed = false;
    await eventually(() => reconcile(id), { withinMs: 20_000 });
    const after = (await resource('app')).spec.revisions[0]!;
    expect(after.configMap).not.toBe(before.spec.revisions[0]!.configMap);
    expect(after.secret).toBe(before.spec.revisions[0]!.secret);
  });

  it('says so of a new deployment, whose predecessor goes on serving', async () => {
    const id = await deploy('app', { secrets: ['keys'] });
    await reconcile(id);
    await serving('app');
    const before = await resource('app');
    transit.sealed = true;
    await deploy('app', { secrets: ['keys'], configs: ['texts'] });
    await expect(reconcile(id)).rejects.toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE' });
    expect((await resource('app')).spec).toEqual(before.spec);
    const { conditions } = (await one.operator.get(`/v1/tenants/${tenant.name}/functions/app`)).body.status as { conditions: { type: string; status: string; reason: string; message: string }[] };
    expect(conditions.find(({ type }) => type === 'Reconciling')).toMatchObject({ status: 'True', reason: 'RetryingAfterError', message: expect.stringContaining('What runs goes on running') });
  });

  it('does not hold up a function without secrets', async () => {
    const id = await deploy('plain', { configs: ['texts'] });
    await reconcile(id);
    const before = (await resource('plain')).spec.revisions[0]!;
    transit.sealed = true;
    await one.operator.put(`/v1/tenants/${tenant.name}/configs/texts`, { data: { COLOR: 'red' } });
    await reconcile(id);
    expect((await resource('plain')).spec.revisions[0]!.configMap).not.toBe(before.configMap);
  });

  it('does not hold up a suspension', async () => {
    const id = await deploy('app', { secrets: ['keys'] });
    await reconcile(id);
    await serving('app');
    const before = await resource('app');
    transit.sealed = true;
    await one.operator.put(`/v1/tenants/${tenant.name}/suspension`, { level: 'compute' });
    await expect(reconcile(id)).rejects.toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE' });
    const suspended = await resource('app');
    expect(suspended.spec).toEqual({ ...before.spec, suspension: 'compute' });
    const sent = writes().length;
    await expect(reconcile(id)).rejects.toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE' });
    expect(writes()).toHaveLength(sent);
    await one.operator.put(`/v1/tenants/${tenant.name}/suspension`, { level: 'none' });
    transit.sealed = false;
    await eventually(() => reconcile(id), { withinMs: 20_000 });
    expect((await resource('app')).spec).toEqual(before.spec);
  });
});
