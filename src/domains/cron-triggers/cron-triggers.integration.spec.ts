import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { tenantNamespace } from '../../contract/names.js';
import { GatewayRig, TestTenant } from '../../gateway/testing/gateway-rig.js';
import { Database } from '../../platform/database/database.js';
import { JobRunner } from '../../platform/jobs/job-runner.js';
import { DueInvocations } from '../async-invocations/due-invocations.js';
import { RunAsyncInvocationJob } from '../async-invocations/jobs/run-async-invocation.job.js';
import { QueueBound } from '../async-invocations/queue-bound.js';
import { AsyncInvocationsRepository } from '../async-invocations/store/async-invocations.repository.js';
import { DueInvocationsRepository } from '../async-invocations/store/due-invocations.repository.js';
import { CronFiring } from './cron-firing.js';
import { CronLoop } from './cron-loop.js';
import { CRON_NEWS } from './cron-news.js';
import { DueTriggersRepository } from './store/due-triggers.repository.js';

const ISSUER = 'https://tests.fnplane.invalid';
const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } };

let rig: GatewayRig;
let api: TestApi;
let team: Team;

beforeAll(async () => {
  rig = await new GatewayRig().start();
  api = await startApi({ FNPLANE_GATEWAY_URL: rig.url, FNPLANE_INTERNAL_SECRET: rig.secret });
  team = await newTeam();
});
afterAll(async () => {
  await api.stop();
  await rig.stop();
});

interface Team {
  name: string;
  path: string;
  tenant: TestTenant;
  developer: HttpClient;
  viewer: HttpClient;
}

async function newTeam(): Promise<Team> {
  const name = randomName('team');
  const { id } = (await api.operator.post('/v1/tenants', { name })).body as { id: string };
  const member = async (role: string): Promise<HttpClient> => {
    const subject = randomName(role);
    await api.operator.post(`/v1/tenants/${name}/members`, { issuer: ISSUER, subject, role });
    return api.person(subject);
  };
  const made = { name, path: `/v1/tenants/${name}`, tenant: Object.assign(new TestTenant(name), { id, namespace: tenantNamespace(id) }), developer: await member('developer'), viewer: await member('viewer') };
  for (const fn of ['pay', 'ship']) expect((await made.developer.post(`${made.path}/functions`, { name: fn, ...SOURCE })).status).toBe(202);
  return made;
}

/** Far from due, unless a test says otherwise. */
function body(change: object = {}): { name: string } & Record<string, unknown> {
  return { name: randomName('cron'), function: 'pay', schedule: '0 0 1 1 *', ...change };
}

function create(of: Team, change: object = {}): Promise<HttpAnswer> {
  return of.developer.post(`${of.path}/cron-triggers`, body(change));
}

async function created(of: Team, change: object = {}): Promise<{ id: string; name: string; etag: string; path: string }> {
  const answer = await create(of, change);
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return { ...(answer.body as { id: string; name: string; etag: string }), path: `${of.path}/cron-triggers/${answer.body.name as string}` };
}

function sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
  return api.plane.database.dataSource.query<Row[]>(text, values);
}

function service<T>(type: abstract new (...args: never[]) => T): T {
  return api.plane.app.get<T>(type, { strict: false });
}

/** Its due time was so many seconds ago, to the second. */
async function makeDue(id: string, seconds = 0): Promise<string> {
  const [row] = await sql<{ due: Date }>(`UPDATE cron_trigger SET next_run_at = date_trunc('second', clock_timestamp()) - $2 * interval '1 second' WHERE id = $1 RETURNING next_run_at AS due`, [id, seconds]).then((found) => found.flat() as { due: Date }[]);
  return row!.due.toISOString();
}

async function fireAll(firing = service(CronFiring)): Promise<number> {
  let fired = 0;
  for (let once = await firing.fire(); once > 0; once = await firing.fire()) fired += once;
  return fired;
}

interface Seen {
  nextRunAt: string | null;
  lastRunAt: string | null;
  lastInvocationId: string | null;
  skippedRuns: number;
  lastSkip: { dueAt: string; reason: string } | null;
}

async function statusOf({ path }: { path: string }): Promise<Seen> {
  const { status, body: answer } = await team.viewer.get(path);
  expect(status).toBe(200);
  return answer.status as Seen;
}

function runsOf(id: string): Promise<{ id: string; due: Date; state: string }[]> {
  return sql('SELECT id, due_at AS due, state FROM async_invocation WHERE trigger_id = $1 ORDER BY due_at', [id]);
}

describe('a cron trigger', () => {
  it('is answered as it was sent, with what holds and what comes of it; changed, listed and deleted', async () => {
    const sent = body({ schedule: '30 2 * * MON-FRI', timeZone: 'Europe/Berlin', headers: { 'content-type': 'text/plain', 'x-a': '1' }, body: 'hé', jitterSeconds: 0 });
    const made = await team.developer.post(`${team.path}/cron-triggers`, sent);
    expect([made.status, made.headers.get('location')]).toEqual([201, `${team.path}/cron-triggers/${sent.name}`]);
    expect(made.body).toMatchObject({
      ...sent, effective: { timeZone: 'Europe/Berlin', concurrencyPolicy: 'allow', missedRuns: 'last', jitterSeconds: 0, suspended: false, path: '/', maxAttempts: 3, maxAgeSeconds: 21_600 },
      status: { nextRunAt: expect.stringMatching(/T0[01]:30:00.000Z$/) as string, lastRunAt: null, lastInvocationId: null, skippedRuns: 0, lastSkip: null },
    });
    for (const absent of ['missedRuns', 'path', 'bodyBase64', 'maxAttempts']) expect(made.body).not.toHaveProperty(absent);
    expect((await team.viewer.get(`${team.path}/cron-triggers/${String(made.body.id)}`)).body).toEqual(made.body);
    expect((await team.viewer.get(`${team.path}/cron-triggers?name=${sent.name}`)).body).toEqual({ items: [made.body], nextCursor: null });

    const path = `${team.path}/cron-triggers/${sent.name}`;
    const patch = (change: object, headers = {}) => team.developer.send('PATCH', path, { body: change, headers });
    const patched = await patch({ function: 'ship', headers: { 'x-a': null, 'x-b': '2' }, body: null, bodyBase64: 'AP8=' }, { 'if-match': `"${String(made.body.etag)}"` });
    expect([patched.status, patched.body]).toMatchObject([200, { function: 'ship', headers: { 'content-type': 'text/plain', 'x-b': '2' }, bodyBase64: 'AP8=', status: made.body.status as object }]);
    expect(patched.body).not.toHaveProperty('body');
    expect((await patch({}, { 'if-match': `"${String(made.body.etag)}"` })).status).toBe(412);
    expect((await patch({ function: 'ship' })).body.etag).toBe(patched.body.etag);
    expect((await patch({ body: 'both' })).body).toMatchObject({ code: 'CRON_TRIGGER_INVALID', errors: [{ pointer: '/bodyBase64' }] });

    expect((await team.developer.delete(path)).status).toBe(204);
    expect((await team.viewer.get(path)).body.code).toBe('CRON_TRIGGER_NOT_FOUND');
    const { items } = (await api.operator.get(`${team.path}/audit?target=${sent.name}&result=done`)).body as { items: { action: string }[] };
    expect(items.map(({ action }) => action).sort()).toEqual(['cron-trigger.create', 'cron-trigger.delete', 'cron-trigger.update']);
  });

  it('counts a new schedule from now; rests and begins anew', async () => {
    const trigger = await created(team, { schedule: '0 0 1 1 *' });
    const patch = async (change: object): Promise<string | null> => {
      const answer = await team.developer.send('PATCH', trigger.path, { body: change });
      expect(answer.status).toBe(200);
      return (answer.body.status as Seen).nextRunAt;
    };
    const soon = Date.now() + 61_000;
    expect(new Date((await patch({ schedule: '* * * * *' }))!).getTime()).toBeLessThanOrEqual(soon);
    expect(await patch({ schedule: '0 12 1 1 *', timeZone: 'Asia/Tokyo' })).toMatch(/-01-01T03:00:00/);
    await sql(`UPDATE cron_trigger SET next_run_at = '2026-01-01T00:00:00Z' WHERE id = $1`, [trigger.id]);
    // Other changes leave what is due as it is.
    expect(await patch({ jitterSeconds: 5 })).toBe('2026-01-01T00:00:00.000Z');
    expect(await patch({ suspended: true })).toBeNull();
    await fireAll();
    expect(await patch({ suspended: null })).toMatch(/-01-01T03:00:00/);
    expect(await runsOf(trigger.id)).toEqual([]);
    expect((await statusOf(trigger)).skippedRuns).toBe(0);
  });

  it.each<[string, string, object]>([
    ['CRON_TRIGGER_INVALID', '/schedule', { schedule: '* * * *' }], ['CRON_TRIGGER_INVALID', '/schedule', { schedule: '0 0 30 2 *' }], ['CRON_TRIGGER_INVALID', '/timeZone', { timeZone: 'Mars/Olympus' }],
    ['CRON_TRIGGER_FUNCTION_NOT_FOUND', '/function', { function: 'nobody' }], ['CRON_TRIGGER_INVALID', '/headers/authorization', { headers: { authorization: 'x' } }],
    ['CRON_TRIGGER_INVALID', '/body', { body: 'é'.repeat(32_769) }], ['VALIDATION_FAILED', '/jitterSeconds', { jitterSeconds: 301 }],
  ])('is refused: %s at %s', async (code, pointer, change) => {
    const answer = await create(team, change);
    expect([answer.status, answer.body.code, answer.body.errors]).toEqual([422, code, [expect.objectContaining({ pointer })]]);
  });

  it('has a name of its own, and its tenant no more than 200', async () => {
    const crowded = await newTeam();
    const { name } = await created(crowded);
    expect((await create(crowded, { name })).body).toMatchObject({ status: 409, code: 'CRON_TRIGGER_NAME_TAKEN' });
    await sql(`INSERT INTO cron_trigger SELECT tenant_id, gen_random_uuid(), 'n' || number, function_id, settings, next_run_at, NULL, NULL, 0, NULL, NULL, 1, created_at, updated_at FROM cron_trigger, generate_series(1, 197) AS number WHERE tenant_id = $1`, [crowded.tenant.id]);
    const answers = await Promise.all(Array.from({ length: 4 }, () => create(crowded)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'TOO_MANY_CRON_TRIGGERS', detail: expect.stringContaining('200') as string });
  });

  it('is a matter of permissions, and of its tenant alone', async () => {
    const [trigger, others] = [await created(team), await newTeam()];
    const denied = [create({ ...team, developer: team.viewer }), team.viewer.send('PATCH', trigger.path, { body: {} }), team.viewer.delete(trigger.path), team.viewer.post(`${trigger.path}/run`)];
    for (const answer of await Promise.all(denied)) expect([answer.status, answer.body.code]).toEqual([403, 'PERMISSION_DENIED']);
    const foreign = `${others.path}/cron-triggers/${trigger.id}`;
    for (const answer of [await others.developer.get(foreign), await others.developer.post(`${foreign}/run`), await others.developer.delete(foreign)]) expect([answer.status, answer.body.code]).toEqual([404, 'CRON_TRIGGER_NOT_FOUND']);
  });

  it('is the same over GraphQL', async () => {
    const FIELDS = 'cronTrigger { id uuid name schedule timeZone concurrencyPolicy headers effective { missedRuns } status { nextRunAt skippedRuns lastSkip { reason } } etag } userErrors { code field }';
    const mutate = async (name: string, type: string, input: object, fields = FIELDS) => (await team.developer.graphql(`mutation($input: ${type}!) { ${name}(input: $input) { ${fields} } }`, { input: { tenant: team.name, ...input } })).body.data[name];
    const sent = body({ concurrencyPolicy: 'FORBID', headers: { 'x-a': '1' } });
    const { cronTrigger, userErrors } = await mutate('createCronTrigger', 'CreateCronTriggerInput', { cronTrigger: sent });
    expect([userErrors, cronTrigger]).toMatchObject([[], { name: sent.name, timeZone: null, concurrencyPolicy: 'FORBID', headers: { 'x-a': '1' }, effective: { missedRuns: 'LAST' }, status: { skippedRuns: 0, lastSkip: null } }]);
    const { id, uuid } = cronTrigger as { id: string; uuid: string };
    expect((await team.viewer.get(`${team.path}/cron-triggers/${uuid}`)).body).toMatchObject({ concurrencyPolicy: 'forbid' });
    const read = await team.viewer.graphql('query($id: ID!, $tenant: String!, $name: String!) { node(id: $id) { ... on CronTrigger { name } } cronTriggers(tenant: $tenant, name: $name) { nodes { uuid } } cronTrigger(tenant: $tenant, cronTrigger: $name) { uuid } }', { id, tenant: team.name, name: sent.name });
    expect(read.body.data).toEqual({ node: { name: sent.name }, cronTriggers: { nodes: [{ uuid }] }, cronTrigger: { uuid } });
    expect((await mutate('createCronTrigger', 'CreateCronTriggerInput', { cronTrigger: body({ schedule: '@daily' }) })).userErrors).toEqual([{ code: 'CRON_TRIGGER_INVALID', field: ['input', 'cronTrigger', 'schedule'] }]);
    expect((await mutate('patchCronTrigger', 'PatchCronTriggerInput', { cronTrigger: uuid, change: { timeZone: 'Nowhere' } })).userErrors).toEqual([{ code: 'CRON_TRIGGER_INVALID', field: ['input', 'change', 'timeZone'] }]);
    expect((await mutate('patchCronTrigger', 'PatchCronTriggerInput', { cronTrigger: uuid, change: { suspended: true } })).cronTrigger).toMatchObject({ status: { nextRunAt: null } });
    const run = await mutate('runCronTrigger', 'RunCronTriggerInput', { cronTrigger: uuid }, 'asyncInvocation { uuid state source { kind trigger triggerId dueAt } } userErrors { code }');
    expect(run).toMatchObject({ userErrors: [], asyncInvocation: { state: 'QUEUED', source: { kind: 'MANUAL', trigger: sent.name, triggerId: uuid, dueAt: expect.any(String) as string } } });
    const { body: listed } = await team.viewer.graphql('query($tenant: String!, $trigger: String) { asyncInvocations(tenant: $tenant, trigger: $trigger) { nodes { uuid } } }', { tenant: team.name, trigger: sent.name });
    expect(listed.data.asyncInvocations.nodes).toEqual([{ uuid: run.asyncInvocation.uuid as string }]);
    expect((await mutate('deleteCronTrigger', 'DeleteCronTriggerInput', { cronTrigger: uuid })).cronTrigger).toMatchObject({ id });
  });
});

describe('a due time', () => {
  it('becomes one invocation, however many workers look', async () => {
    const triggers = await Promise.all(Array.from({ length: 30 }, () => created(team, { schedule: '* * * * *' })));
    const due = await Promise.all(triggers.map(({ id }) => makeDue(id)));
    const other = new Database({ url: api.config.DATABASE_URL!, poolSize: 4 });
    await other.open();
    const rows = new AsyncInvocationsRepository(other);
    const loops = [new CronLoop(service(CronFiring)), new CronLoop(new CronFiring(other, new DueTriggersRepository(other), new DueInvocations(other, new DueInvocationsRepository(other), new QueueBound(rows))))];
    for (const loop of loops) loop.start();
    await eventually(async () => expect(await sql(`SELECT 1 FROM cron_trigger WHERE next_run_at <= clock_timestamp() - interval '1 second'`)).toEqual([]), { withinMs: 15_000, everyMs: 20 });
    await Promise.all(loops.map((loop) => loop.stop()));
    await other.close();
    for (const [index, { id }] of triggers.entries()) {
      const runs = await runsOf(id);
      expect(runs.filter((run) => run.due.toISOString() === due[index])).toHaveLength(1);
    }
    const [{ id, path, name }] = triggers as [typeof triggers[number]];
    const [run] = await runsOf(id);
    expect(await statusOf({ path })).toMatchObject({ lastRunAt: due[0], lastInvocationId: run!.id, skippedRuns: 0, nextRunAt: expect.any(String) as string });
    const listed = (await team.viewer.get(`${team.path}/async-invocations?trigger=${name}`)).body.items as object[];
    expect(listed).toMatchObject([{ id: run!.id, method: 'POST', path: '/', state: 'queued', principal: 'system:cron-triggers', source: { kind: 'cron', trigger: name, triggerId: id, dueAt: due[0] } }]);
    expect((await team.viewer.get(`${team.path}/async-invocations?trigger=${id}`)).body.items).toHaveLength(1);
    expect((await team.viewer.get(`${team.path}/async-invocations?trigger=${randomUUID()}`)).body.items).toEqual([]);
    expect(await sql('SELECT fair_group FROM work_item WHERE key = $1', [`${team.tenant.id}/${run!.id}`])).toEqual([{ fair_group: team.tenant.id }]);
    await sql('DELETE FROM cron_trigger WHERE id = ANY ($1)', [triggers.map((trigger) => trigger.id)]);
  });

  it('is there again where the worker died in the middle, and is never accepted twice', async () => {
    const trigger = await created(team, { schedule: '0 * * * *' });
    const due = await makeDue(trigger.id);
    const dying = { record: () => Promise.reject(new Error('died')), findDueLocked: (...given: Parameters<DueTriggersRepository['findDueLocked']>) => service(DueTriggersRepository).findDueLocked(...given) } as unknown as DueTriggersRepository;
    await expect(new CronFiring(service(Database), dying, service(DueInvocations)).fire()).rejects.toThrow('died');
    expect([await runsOf(trigger.id), (await statusOf(trigger)).nextRunAt]).toEqual([[], due]);
    expect(await fireAll()).toBe(1);
    expect(await runsOf(trigger.id)).toHaveLength(1);
    // As if it had never been written down.
    await sql('UPDATE cron_trigger SET next_run_at = $2 WHERE id = $1', [trigger.id, due]);
    expect(await fireAll()).toBe(1);
    expect(await runsOf(trigger.id)).toHaveLength(1);
  });

  it('reaches the function with its body, the trigger\'s name and the due time, which no caller can make up', async () => {
    const pod = await rig.pod((request, response) => void request.resume().once('end', () => response.end('done')));
    rig.deploy(team.tenant, 'pay', [pod]);
    rig.sink.upsertAccess(team.tenant.accessList());
    const trigger = await created(team, { schedule: '* * * * *', path: '/tick?x=1', headers: { 'content-type': 'application/x-bytes', 'x-a': '1' }, bodyBase64: 'AP8=' });
    const runner = new JobRunner(api.plane.database, api.config.DATABASE_URL!, [service(RunAsyncInvocationJob)]);
    const loop = new CronLoop(service(CronFiring));
    runner.hear(CRON_NEWS, () => loop.wake());
    runner.start();
    loop.start();
    const due = await makeDue(trigger.id);
    loop.wake();
    await eventually(async () => expect(await runsOf(trigger.id)).toContainEqual(expect.objectContaining({ state: 'succeeded' })), { withinMs: 15_000, everyMs: 20 });
    const seen = pod.requests.find(({ headers }) => headers['x-fnplane-trigger'] === trigger.name)!;
    expect(seen).toMatchObject({ method: 'POST', url: '/tick?x=1', headers: { 'x-fnplane-due-at': due, 'content-type': 'application/x-bytes', 'content-length': '2', 'x-a': '1', 'x-request-id': (await runsOf(trigger.id))[0]!.id } });

    const asked = await team.developer.post(`${trigger.path}/run`);
    expect([asked.status, asked.headers.get('location'), asked.body]).toMatchObject([202, `${team.path}/async-invocations/${asked.body.id as string}`, { source: { kind: 'manual', trigger: trigger.name } }]);
    await eventually(async () => expect(pod.requests.map(({ headers }) => headers['x-request-id'])).toContain(asked.body.id), { withinMs: 15_000, everyMs: 20 });
    expect((await team.viewer.get(trigger.path)).body.status).toMatchObject({ lastRunAt: due });

    const forged = { 'x-fnplane-trigger': 'forged', 'x-fnplane-due-at': due };
    await rig.fetch(team.tenant, `/${team.name}/pay/forged`, { method: 'POST', headers: forged });
    await team.developer.post(`${team.path}/functions/pay/invocations?path=%2Fforged`, {}, { headers: forged });
    const calls = pod.requests.filter(({ url }) => url === '/forged');
    expect(calls).toHaveLength(2);
    for (const { headers } of calls) expect([headers['x-fnplane-trigger'], headers['x-fnplane-due-at']]).toEqual([undefined, undefined]);
    await Promise.all([loop.stop(), runner.stop(5_000)]);
    await team.developer.delete(trigger.path);
  });

  it('does not wait for another tenant\'s 10,000 invocations', async () => {
    const [loud, quiet] = [await newTeam(), await newTeam()];
    const slow = await rig.pod((request, response) => void request.resume().once('end', () => setTimeout(() => response.end(), 20)));
    const quick = await rig.pod((request, response) => void request.resume().once('end', () => response.end()));
    rig.deploy(loud.tenant, 'pay', [slow]);
    rig.deploy(quiet.tenant, 'pay', [quick]);
    await sql(`WITH added AS (
        INSERT INTO async_invocation (tenant_id, id, function_id, method, path, headers, principal, max_attempts, max_age_seconds, next_attempt_at, expires_at)
        SELECT tenant_id, gen_random_uuid(), id, 'POST', '/', '{}', 'tests', 1, 3600, clock_timestamp(), clock_timestamp() + interval '1 hour' FROM function, generate_series(1, 10000) WHERE tenant_id = $1 AND name = 'pay' RETURNING tenant_id, id)
      INSERT INTO work_item (kind, key, fair_group, visible_at) SELECT 'async-invocation', tenant_id || '/' || id, tenant_id::text, clock_timestamp() FROM added`, [loud.tenant.id]);
    const trigger = await created(quiet);
    const runner = new JobRunner(api.plane.database, api.config.DATABASE_URL!, [service(RunAsyncInvocationJob)]);
    runner.start();
    await eventually(async () => expect(slow.requests.length).toBeGreaterThan(50), { withinMs: 15_000, everyMs: 5 });
    await makeDue(trigger.id);
    await fireAll();
    const before = slow.requests.length;
    await eventually(async () => expect(quick.requests).toHaveLength(1), { withinMs: 15_000, everyMs: 5 });
    const meanwhile = slow.requests.length - before;
    await runner.stop(5_000);
    expect(meanwhile).toBeLessThan(300);
  });

  it('is heard of at once when a trigger is made', async () => {
    const firing = service(CronFiring);
    const loop = new CronLoop(firing);
    const runner = new JobRunner(api.plane.database, api.config.DATABASE_URL!, []);
    let heard = 0;
    runner.hear(CRON_NEWS, () => { heard += 1; loop.wake(); });
    runner.start();
    loop.start();
    await eventually(async () => {
      const trigger = await created(team);
      await team.developer.delete(trigger.path);
      await eventually(async () => expect(heard).toBeGreaterThan(0), { withinMs: 1_000, everyMs: 20 });
    }, { withinMs: 15_000 });
    const trigger = await created(team, { schedule: '* * * * * *' });
    await eventually(async () => expect((await runsOf(trigger.id)).length).toBeGreaterThan(0), { withinMs: 4_000, everyMs: 20 });
    await Promise.all([loop.stop(), runner.stop(1_000)]);
    await team.developer.delete(trigger.path);
  });

  it('begins as much later as its jitter says', async () => {
    const trigger = await created(team, { jitterSeconds: 300 });
    const due = await makeDue(trigger.id);
    await fireAll();
    const [row] = await sql<{ late: number; age: number; visible: boolean }>(`SELECT extract(epoch FROM next_attempt_at - due_at)::float8 AS late, extract(epoch FROM expires_at - next_attempt_at)::float8 AS age,
      (SELECT work_item.visible_at = next_attempt_at FROM work_item WHERE key = tenant_id || '/' || id) AS visible FROM async_invocation WHERE trigger_id = $1`, [trigger.id]);
    expect([row!.late > 0, row!.late <= 300, row!.age, row!.visible, (await statusOf(trigger)).lastRunAt]).toEqual([true, true, 21_600, true, due]);
  });
});

describe('what is not run', () => {
  it.each<[object, number, number, string | undefined]>([
    [{ missedRuns: 'skip' }, 0, 11, 'missed'], [{ missedRuns: 'last' }, 1, 10, 'missed'], [{ missedRuns: 'all' }, 11, 0, undefined], [{ missedRuns: 'all', maxAgeSeconds: 240 }, 4, 7, 'missed'],
  ])('after a downtime, by %j', async (change, runs, skipped, reason) => {
    // Once a minute, and due the last time half a minute ago: not on time any more.
    const trigger = await created(team, { schedule: `${new Date(Date.now() - 30_000).getUTCSeconds()} * * * * *`, ...change });
    await sql(`UPDATE cron_trigger SET next_run_at = next_run_at - interval '11 minutes' WHERE id = $1`, [trigger.id]);
    await fireAll();
    expect(await runsOf(trigger.id)).toHaveLength(runs);
    const status = await statusOf(trigger);
    expect([status.skippedRuns, status.lastSkip?.reason, new Date(status.nextRunAt!).getTime() > Date.now()]).toEqual([skipped, reason, true]);
  });

  it('while the run before has not ended, where that is forbidden', async () => {
    const trigger = await created(team, { concurrencyPolicy: 'forbid' });
    await makeDue(trigger.id, 10);
    await fireAll();
    const second = await makeDue(trigger.id, 5);
    await fireAll();
    expect(await runsOf(trigger.id)).toHaveLength(1);
    expect(await statusOf(trigger)).toMatchObject({ skippedRuns: 1, lastSkip: { dueAt: second, reason: 'running' } });
    await sql(`UPDATE async_invocation SET state = 'succeeded', finished_at = clock_timestamp() WHERE trigger_id = $1`, [trigger.id]);
    await makeDue(trigger.id);
    await fireAll();
    expect(await runsOf(trigger.id)).toHaveLength(2);
  });

  it('because the next one took its place; what runs is left alone', async () => {
    const trigger = await created(team, { concurrencyPolicy: 'replace' });
    const first = await makeDue(trigger.id, 10);
    await fireAll();
    await makeDue(trigger.id, 5);
    await fireAll();
    expect(await runsOf(trigger.id)).toHaveLength(1);
    expect(await statusOf(trigger)).toMatchObject({ skippedRuns: 1, lastSkip: { dueAt: first, reason: 'replaced' } });
    await sql(`UPDATE async_invocation SET state = 'running' WHERE trigger_id = $1`, [trigger.id]);
    await makeDue(trigger.id);
    await fireAll();
    expect((await runsOf(trigger.id)).map(({ state }) => state)).toEqual(['running', 'queued']);
  });

  it('of a suspended tenant, of a function that is being deleted, and where the queue is full', async () => {
    const own = await newTeam();
    const [pay, ship] = [await created(own), await created(own, { function: 'ship' })];
    const seen = async ({ path }: { path: string }): Promise<unknown[]> => {
      const { skippedRuns, lastSkip } = (await api.operator.get(path)).body.status as Seen;
      return [skippedRuns, lastSkip?.reason];
    };
    const fire = async (id: string): Promise<void> => {
      await makeDue(id);
      await fireAll();
    };
    await api.operator.put(`${own.path}/suspension`, { level: 'ingress' });
    await fire(pay.id);
    expect([await runsOf(pay.id), await seen(pay)]).toEqual([[], [1, 'tenant-suspended']]);
    await api.operator.put(`${own.path}/suspension`, { level: 'writes' });
    await fire(pay.id);
    expect(await runsOf(pay.id)).toHaveLength(1);
    await api.operator.put(`${own.path}/suspension`, { level: 'none' });
    expect((await own.developer.delete(`${own.path}/functions/ship`)).status).toBe(202);
    await fire(ship.id);
    expect([await runsOf(ship.id), await seen(ship)]).toEqual([[], [1, 'function-deleting']]);
    expect((await own.developer.post(`${ship.path}/run`)).body.code).toBe('FUNCTION_NOT_FOUND');
    const rows = service(AsyncInvocationsRepository);
    const full = new CronFiring(service(Database), service(DueTriggersRepository), new DueInvocations(service(Database), service(DueInvocationsRepository), new QueueBound(rows, 1)));
    await makeDue(pay.id);
    await fireAll(full);
    expect([await runsOf(pay.id), await seen(pay)]).toMatchObject([[{}], [2, 'queue-full']]);
    await sql('DELETE FROM function WHERE tenant_id = $1 AND name = $2', [own.tenant.id, 'ship']);
    expect((await own.viewer.get(ship.path)).body.code).toBe('CRON_TRIGGER_NOT_FOUND');
    await sql(`UPDATE tenant SET state = 'deleting' WHERE id = $1`, [own.tenant.id]);
    await fire(pay.id);
    expect(await runsOf(pay.id)).toHaveLength(1);
  });

  it('because its schedule is not understood any more, which stops no other', async () => {
    const [broken, good] = [await created(team), await created(team)];
    await sql(`UPDATE cron_trigger SET settings = settings || '{"timeZone": "Old/Zone"}' WHERE id = $1`, [broken.id]);
    await Promise.all([makeDue(broken.id), makeDue(good.id)]);
    await fireAll();
    expect([await runsOf(broken.id), await runsOf(good.id), await statusOf(broken)]).toMatchObject([[], [{}], { nextRunAt: null, lastSkip: { reason: 'schedule-unusable' } }]);
  });
});
