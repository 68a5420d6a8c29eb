import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { buildArchive } from '../../platform/archives/source-archive.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import type { Condition, FunctionResource } from '../../contract/function-resource.js';
import type { TenantFacts } from '../tenants/tenant-participants.js';
import { FunctionProgress } from './function-progress.js';
import { FunctionsDirectory } from './functions-directory.js';
import { FunctionsParticipant } from './functions.participant.js';
import { CleanCodeJob } from './jobs/clean-code.job.js';
import { ReconcileFunctionJob } from './jobs/reconcile-function.job.js';

const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } } };
const IMAGE = `registry.example/team/app@sha256:${'a'.repeat(64)}`;
const never = new AbortController().signal;

let api: TestApi;
let tenant: TenantFacts;
let context: TenantContext;
let functions: string;

// Nothing listens at the registries: what needs one has to say so and be tried again.
beforeAll(async () => {
  api = await startApi({ FNPLANE_REGISTRY_URL: 'http://127.0.0.1:9' });
});
afterAll(() => api.stop());
beforeEach(async () => {
  const { body } = await api.operator.post('/v1/tenants', { name: randomName('t') });
  tenant = body as TenantFacts;
  context = tenantJobContext('spec', tenant);
  functions = `/v1/tenants/${tenant.name}/functions`;
});

function rows<T>(sql: string, values: unknown[] = []): Promise<T[]> {
  return api.plane.database.transaction(systemContext('spec'), (manager) => manager.query<T[]>(sql, values));
}

async function deploy(name: string, body: Record<string, unknown> = SOURCE): Promise<{ id: string; operation: string }> {
  const answer = await api.operator.put(`${functions}/${name}`, body);
  expect(answer.status).toBeLessThan(300);
  return { id: answer.body.id as string, operation: answer.body.operation?.id as string };
}

/** As if its source had been built. */
async function built(id: string): Promise<void> {
  await rows(`UPDATE revision SET build_state = 'built', image = $2 WHERE function_id = $1`, [id, IMAGE]);
}

async function conditions(name: string): Promise<Record<string, string>> {
  const { body } = await api.operator.get(`${functions}/${name}`);
  return Object.fromEntries((body.status.conditions as Condition[]).map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

async function operation(id: string): Promise<{ state: string; reason?: string; message?: string }> {
  return (await api.operator.get(`/v1/tenants/${tenant.name}/operations/${id}`)).body as { state: string };
}

async function queued(): Promise<string[]> {
  return (await rows<{ key: string }>(`SELECT key FROM work_item WHERE kind = 'function' AND fair_group = $1 ORDER BY key`, [tenant.id])).map(({ key }) => key.split('/')[1]!);
}

async function nothingQueued(): Promise<void> {
  await rows(`DELETE FROM work_item WHERE kind = 'function'`);
}

function run(id: string): Promise<unknown> {
  return api.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${tenant.id}/${id}`, never);
}

describe('the function job', () => {
  it('waits for the tenant to be placed and is woken by that', async () => {
    const { id } = await deploy('early');
    await built(id);
    expect(await run(id)).toEqual({ again: 'after', delayMs: 1000 });
    expect(await conditions('early')).toEqual({ Ready: 'False Placing', Reconciling: 'True Placing', Serving: 'False NoRevision' });
    await nothingQueued();
    await api.plane.app.get(FunctionsParticipant, { strict: false }).provision(context, tenant);
    expect(await queued()).toEqual([id]);
  });

  it('says that it cannot reach the registry, and is tried again', async () => {
    const { id, operation: started } = await deploy('custom', { runtime: 'image', image: `127.0.0.1:9/tenants/${tenant.id}/app:1` });
    await expect(run(id)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE', retryable: true });
    expect(await conditions('custom')).toMatchObject({ Ready: 'False RetryingAfterError', Reconciling: 'True RetryingAfterError' });
    expect((await operation(started)).state).toBe('running');
  });

  it('ends with the words of the build where only a new deployment helps', async () => {
    const { id, operation: started } = await deploy('bad', { ...SOURCE, handler: 'nowhere.handle' });
    await run(id);
    expect(await conditions('bad')).toMatchObject({ Ready: 'False BuildFailed', Reconciling: 'False Settled' });
    expect(await operation(started)).toMatchObject({ state: 'failed', reason: 'BuildFailed', message: expect.stringContaining('nowhere') as string });
    expect((await api.operator.get(`${functions}/bad/revisions/1`)).body).toMatchObject({ buildState: 'failed', buildError: expect.stringContaining('nowhere') as string });
  });

  it('makes the image of a revision that traffic names, though it is not the target any more', async () => {
    const { id } = await deploy('named', { ...SOURCE, handler: 'nowhere.handle' });
    await deploy('named');
    await rows(`UPDATE revision SET build_state = 'built', image = $2 WHERE function_id = $1 AND number = 2`, [id, IMAGE]);
    expect((await api.operator.patch(`${functions}/named`, { traffic: [{ percent: 50 }, { revision: 1, percent: 50 }] })).status).toBe(202);
    await run(id);
    expect((await api.operator.get(`${functions}/named/revisions/1`)).body).toMatchObject({ buildState: 'failed', buildError: expect.stringContaining('nowhere') as string });
    expect((await api.operator.get(`${functions}/named/revisions/2`)).body).toMatchObject({ buildState: 'built' });
  });

  it('writes a failure of the revision for a later generation too', async () => {
    const { id } = await deploy('late', { ...SOURCE, handler: 'nowhere.handle' });
    await rows(`UPDATE revision SET build_state = 'failed', build_error = 'the words' WHERE function_id = $1`, [id]);
    await run(id);
    expect(await conditions('late')).toMatchObject({ Ready: 'False BuildFailed' });
  });

  it('removes what is on no cluster at once, with everything it held', async () => {
    const { id } = await deploy('gone', { ...SOURCE, scaling: { max: 3 } });
    const deleted = await api.operator.delete(`${functions}/gone`);
    expect(await run(id)).toEqual({ again: 'never' });
    expect((await api.operator.get(`${functions}/gone`)).status).toBe(404);
    expect((await operation(deleted.body.operation.id as string)).state).toBe('succeeded');
    expect((await api.operator.get(`/v1/tenants/${tenant.name}/quota`)).body.used).toMatchObject({ functions: 0, pods: 0, cpuMillis: 0 });
    expect(await rows('SELECT number FROM revision WHERE function_id = $1', [id])).toEqual([]);
    expect(await rows('SELECT action FROM audit_entry WHERE target_id = $1 ORDER BY at', [id])).toEqual([{ action: 'function.deploy' }, { action: 'function.delete' }]);
    expect(await run(id)).toEqual({ again: 'never' });
    expect((await deploy('gone')).id).not.toBe(id);
  });

  it('is of no other tenant', async () => {
    const { id } = await deploy('mine');
    const other = (await api.operator.post('/v1/tenants', { name: randomName('t') })).body as TenantFacts;
    expect(await api.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${other.id}/${id}`, never)).toEqual({ again: 'never' });
    expect(await conditions('mine')).toMatchObject({ Ready: 'False Accepted' });
  });
});

describe('a cluster\'s status', () => {
  const told = (more: object): FunctionResource => ({
    spec: { target: 1 },
    status: {
      observedPlatformGeneration: 1, servingRevision: 1, replicas: 1, readyReplicas: 1, ...more,
      conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: 'fine', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  }) as unknown as FunctionResource;

  it('ends the operation of its generation, and no later one', async () => {
    const { id, operation: first } = await deploy('status');
    await built(id);
    const progress = api.plane.app.get(FunctionProgress, { strict: false });
    await progress.observed(context, id, told({}));
    expect((await operation(first)).state).toBe('succeeded');
    expect((await api.operator.get(`${functions}/status`)).body.status).toMatchObject({ observedGeneration: 1, servingRevision: 1, replicas: 1, readyReplicas: 1 });
    const second = await deploy('status', { ...SOURCE, scaling: { max: 2 } });
    await progress.observed(context, id, told({ readyReplicas: 0 }));
    expect((await operation(second.operation)).state).toBe('running');
    expect(await conditions('status')).toMatchObject({ Ready: 'True Ready', Reconciling: 'True Accepted' });
    await progress.observed(context, id, told({ observedPlatformGeneration: 2 }));
    expect((await operation(second.operation)).state).toBe('succeeded');
    await progress.observed(context, id, told({ observedPlatformGeneration: 1, replicas: 7 }));
    expect((await api.operator.get(`${functions}/status`)).body.status).toMatchObject({ observedGeneration: 2, replicas: 1 });
  });

  it('of a function nobody knows is nobody\'s', async () => {
    expect(await api.plane.app.get(FunctionProgress, { strict: false }).observed(context, '00000000-0000-4000-8000-000000000000', told({}))).toBeNull();
  });
});

describe('configuration', () => {
  it('that changes moves exactly the functions that use it, and stays while they do', async () => {
    const root = `/v1/tenants/${tenant.name}`;
    for (const name of ['used', 'other']) await api.operator.put(`${root}/configs/${name}`, { data: { A: '1' } });
    await api.operator.put(`${root}/secrets/used`, { data: { S: '1' } });
    const [user, secretUser] = [await deploy('user', { ...SOURCE, configs: ['used'] }), await deploy('secret-user', { ...SOURCE, secrets: ['used'] })];
    const former = await deploy('former', { ...SOURCE, configs: ['used'] });
    await deploy('former', { ...SOURCE, configs: ['other'] });
    await nothingQueued();
    await api.operator.put(`${root}/configs/used`, { data: { A: '2' } });
    expect(await queued()).toEqual([user.id]);
    await nothingQueued();
    await api.operator.put(`${root}/secrets/used`, { data: { S: '2' } });
    expect(await queued()).toEqual([secretUser.id]);
    const refused = await api.operator.delete(`${root}/configs/used`);
    expect([refused.status, refused.body.code, refused.body.details.functions]).toEqual([409, 'CONFIG_IN_USE', 'user']);
    // The revision before still serves: it needs its set as long as it does.
    await rows('UPDATE function SET serving_revision = 1 WHERE id = $1', [former.id]);
    expect((await api.operator.delete(`${root}/configs/used`)).body.details.functions).toBe('former, user');
  });
});

describe('a tenant', () => {
  it('that is suspended moves all its functions, once', async () => {
    const { id } = await deploy('a');
    await nothingQueued();
    const participant = api.plane.app.get(FunctionsParticipant, { strict: false });
    await participant.provision(context, { ...tenant, suspension: 'writes' });
    expect(await queued()).toEqual([]);
    await participant.provision(context, { ...tenant, suspension: 'compute' });
    expect(await queued()).toEqual([id]);
    await rows(`UPDATE function SET suspension = 'compute' WHERE id = $1`, [id]);
    await nothingQueued();
    await participant.provision(context, { ...tenant, suspension: 'compute' });
    expect(await queued()).toEqual([]);
  });

  it('that goes takes its functions and archives along', async () => {
    const bytes = await buildArchive({ 'handler.py': 'x = 1' });
    const digest = createHash('sha256').update(bytes).digest('hex');
    await api.operator.put(`/v1/tenants/${tenant.name}/code/${digest}`, bytes, { headers: { 'content-type': 'application/gzip' } });
    const ids = [(await deploy('one', { runtime: 'python', source: { archive: digest } })).id, (await deploy('two')).id];
    await nothingQueued();
    const participant = api.plane.app.get(FunctionsParticipant, { strict: false });
    expect(await participant.teardown(context)).toMatchObject({ done: false, message: '2 functions are being removed from the clusters.' });
    expect(await queued()).toEqual([...ids].sort());
    expect(await participant.teardown(context)).toMatchObject({ done: false });
    for (const id of ids) await run(id);
    expect(await participant.teardown(context)).toEqual({ done: true });
    expect(await rows('SELECT digest FROM code_archive WHERE tenant_id = $1', [tenant.id])).toEqual([]);
    expect((await api.operator.get(`/v1/tenants/${tenant.name}/quota`)).body.used).toMatchObject({ functions: 0, codeMb: 0 });
  });
});

describe('archives nothing uses', () => {
  it('go a day after their last upload; used ones stay', async () => {
    const digests: string[] = [];
    for (const text of ['used', 'unused', 'fresh']) {
      const bytes = await buildArchive({ 'handler.py': text });
      digests.push(createHash('sha256').update(bytes).digest('hex'));
      await api.operator.put(`/v1/tenants/${tenant.name}/code/${digests.at(-1)}`, bytes, { headers: { 'content-type': 'application/gzip' } });
    }
    await deploy('user', { runtime: 'python', source: { archive: digests[0] } });
    expect(await rows(`SELECT key FROM work_item WHERE kind = 'code' AND key = $1 AND visible_at > now() + interval '23 hours'`, [tenant.id])).toHaveLength(1);
    await rows(`UPDATE code_archive SET used_at = now() - interval '25 hours' WHERE tenant_id = $1 AND digest <> $2`, [tenant.id, digests[2]]);
    const job = api.plane.app.get(CleanCodeJob, { strict: false });
    expect(await job.handle(tenant.id)).toEqual({ again: 'after', delayMs: 3_600_000 });
    expect((await rows<{ digest: string }>('SELECT digest FROM code_archive WHERE tenant_id = $1', [tenant.id])).map((row) => row.digest).sort()).toEqual([digests[0], digests[2]].sort());
    expect((await api.operator.get(`/v1/tenants/${tenant.name}/quota`)).body.used.codeMb).toBe(2);
  });
});

it('the meter learns what a revision costs, by the function\'s id alone', async () => {
  const { id } = await deploy('metered', { ...SOURCE, resources: { cpuMillis: 200, memoryMb: 256 } });
  const directory = api.plane.app.get(FunctionsDirectory, { strict: false });
  const system = systemContext('spec');
  expect(await directory.forMetering(system, id, 1)).toEqual({ tenantId: tenant.id, functionName: 'metered', cpuMillis: 200, memoryMb: 256 });
  expect(await directory.forMetering(system, id, 2)).toBeNull();
  expect(await directory.forMetering(system, 'no id', 1)).toBeNull();
});
