import { randomUUID } from 'node:crypto';
import type { RequestListener, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { tenantNamespace } from '../../contract/names.js';
import { GatewayRig, TestTenant, until, type TestPod } from '../../gateway/testing/gateway-rig.js';
import { systemContext, tenantJobContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { JobRunner, type JobOutcome } from '../../platform/jobs/job-runner.js';
import { registry } from '../../platform/observability/metrics.js';
import { AuditService } from '../audit/audit.service.js';
import { FunctionPlacesService } from '../functions/function-places.service.js';
import { FunctionsService } from '../functions/functions.service.js';
import { FunctionCalls } from '../invocations/function-calls.js';
import { GatewayLink } from '../invocations/gateway-link.js';
import { TenantDirectory } from '../tenants/tenant-directory.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { AsyncEndings } from './async-endings.js';
import { AsyncInvocationsParticipant } from './async-invocations.participant.js';
import { AsyncInvocationsService } from './async-invocations.service.js';
import { CleanAsyncInvocationsJob } from './jobs/clean-async-invocations.job.js';
import { RunAsyncInvocationJob } from './jobs/run-async-invocation.job.js';
import { QueueBound } from './queue-bound.js';
import { AsyncInvocationsRepository } from './store/async-invocations.repository.js';
import { AsyncRunsRepository } from './store/async-runs.repository.js';

const ISSUER = 'https://tests.fnplane.invalid';
const KIND = 'async-invocation';
const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } };

let rig: GatewayRig;
let api: TestApi;

beforeAll(async () => {
  rig = await new GatewayRig().start();
  api = await startApi({ FNPLANE_GATEWAY_URL: rig.url, FNPLANE_INTERNAL_SECRET: rig.secret });
});
afterAll(async () => {
  await api.stop();
  await rig.stop();
});

interface Team {
  path: string;
  name: string;
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
  return { name, path: `/v1/tenants/${name}`, tenant: Object.assign(new TestTenant(name), { id, namespace: tenantNamespace(id) }), developer: await member('developer'), viewer: await member('viewer') };
}

/** A function of the control plane's, and of the gateway's with one pod. */
async function deploy(team: Team, handler: RequestListener, fn = 'orders', suspension: 'none' | 'ingress' = 'none'): Promise<TestPod> {
  expect((await team.developer.post(`${team.path}/functions`, { name: fn, ...SOURCE })).status).toBe(202);
  const pod = await rig.pod(handler);
  rig.deploy(team.tenant, fn, [pod], { suspension });
  return pod;
}

function answering(status: number, body = '', headers: Record<string, string> = {}): RequestListener {
  return (request, response) => void request.resume().once('end', () => response.writeHead(status, headers).end(body));
}

function accept(team: Team, query = '', body: unknown = { order: 7 }, headers: Record<string, string> = {}): Promise<HttpAnswer> {
  return team.developer.post(`${team.path}/functions/orders/async-invocations${query}`, body, { headers });
}

async function accepted(team: Team, query = '', body: unknown = { order: 7 }): Promise<string> {
  const answer = await accept(team, query, body);
  expect([answer.status, answer.body]).toEqual([202, expect.objectContaining({ state: 'queued' })]);
  return (answer.body as { id: string }).id;
}

function service<T>(type: abstract new (...args: never[]) => T): T {
  return api.plane.app.get<T>(type, { strict: false });
}

function sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
  return api.plane.database.dataSource.query<Row[]>(text, values);
}

/** One run by a worker, whether or not it is due in the queue. */
function run(team: Team, id: string, job = service(RunAsyncInvocationJob)): Promise<JobOutcome> {
  return job.handle(`${team.tenant.id}/${id}`);
}

function makeDue(id: string): Promise<unknown> {
  return sql('UPDATE async_invocation SET next_attempt_at = clock_timestamp() WHERE id = $1', [id]);
}

async function look(team: Team, id: string): Promise<Record<string, unknown>> {
  const { status, body } = await team.viewer.get(`${team.path}/async-invocations/${id}`);
  expect(status).toBe(200);
  return body as Record<string, unknown>;
}

async function failed(team: Team, query = '?maxAttempts=1'): Promise<string> {
  const id = await accepted(team, query);
  expect(await run(team, id)).toEqual({ again: 'never' });
  expect(await look(team, id)).toMatchObject({ state: 'failed' });
  return id;
}

function runner(job = new RunAsyncInvocationJob(service(TenantDirectory), service(AsyncRunsRepository), service(FunctionCalls), service(AsyncEndings))): JobRunner {
  const started = new JobRunner(api.plane.database, api.config.DATABASE_URL!, [job]);
  started.start();
  return started;
}

describe('an accepted invocation', () => {
  it('is durable, is run by a worker and keeps the function\'s answer byte by byte', async () => {
    const team = await newTeam();
    const bytes = Buffer.from([0, 255, 128, 10]);
    const pod = await deploy(team, (request, response) => void request.resume().once('end', () => response.writeHead(201, { 'content-type': 'image/png' }).end(bytes)));
    const answer = await accept(team, '?method=PUT&path=%2Fitems%3Fx%3D1', '{"a": 1.0}', { 'content-type': 'application/json', 'x-order': '7', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 'idempotency-key': randomUUID() });
    const { id } = answer.body as { id: string };
    expect([answer.status, answer.headers.get('location')]).toEqual([202, `${team.path}/async-invocations/${id}`]);
    expect(answer.body).toMatchObject({ function: 'orders', method: 'PUT', path: '/items?x=1', state: 'queued', attempts: 0, maxAttempts: 3, status: null, error: null, result: null, finishedAt: null });
    expect(await sql('SELECT visible_at <= clock_timestamp() AS due, fair_group FROM work_item WHERE kind = $1 AND key = $2', [KIND, `${team.tenant.id}/${id}`])).toEqual([{ due: true, fair_group: team.tenant.id }]);
    expect((await team.developer.get(`${team.path}/async-invocations/${id}/result`)).body).toMatchObject({ code: 'ASYNC_RESULT_NOT_FOUND' });

    const worker = runner();
    await eventually(async () => expect(await look(team, id)).toMatchObject({ state: 'succeeded' }), { withinMs: 10_000, everyMs: 20 });
    await eventually(async () => expect(await sql('SELECT key FROM work_item WHERE kind = $1', [KIND])).toEqual([]), { withinMs: 5_000, everyMs: 20 });
    await worker.stop(5_000);
    expect(await look(team, id)).toMatchObject({ state: 'succeeded', attempts: 1, status: 201, revision: 1, error: null, nextAttemptAt: null, finishedAt: expect.any(String) as string, result: { contentType: 'image/png', bytes: 4, tooLarge: false } });
    expect(pod.requests).toHaveLength(1);
    expect(pod.requests[0]).toMatchObject({ method: 'PUT', url: '/items?x=1', headers: { 'x-request-id': id, 'x-order': '7', 'content-type': 'application/json', 'content-length': '10' } });
    expect(pod.requests[0]!.headers).not.toHaveProperty('authorization');
    expect(pod.requests[0]!.headers).not.toHaveProperty('idempotency-key');
    const result = await team.developer.get(`${team.path}/async-invocations/${id}/result`);
    expect([result.status, result.headers.get('content-type'), result.headers.get('x-fnplane-function-status'), result.headers.get('content-security-policy')]).toEqual([200, 'image/png', '201', 'sandbox; default-src \'none\'']);
    expect((result.body as Buffer).equals(bytes)).toBe(true);
    const metrics = await registry.metrics();
    for (const line of ['fnplane_async_invocations_accepted_total', 'fnplane_async_invocations_finished_total{outcome="succeeded"}', 'fnplane_async_invocation_queue_seconds_count']) expect(metrics).toMatch(new RegExp(`^${line.replace('{', '\\{')} [1-9]`, 'm'));
  });

  it('is tried again with growing pauses under the same id, then is a dead letter', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(503, 'later', { 'content-type': 'text/plain' }));
    const id = await accepted(team, '?maxAttempts=3');
    for (const [attempt, ceiling] of [[1, 1_000], [2, 2_000]] as const) {
      await makeDue(id);
      const outcome = await run(team, id) as { again: string; delayMs: number };
      expect(outcome.again).toBe('after');
      expect(outcome.delayMs).toBeLessThanOrEqual(ceiling);
      expect(await look(team, id)).toMatchObject({ state: 'queued', attempts: attempt, status: 503, error: { code: 'FUNCTION_ERROR' }, nextAttemptAt: expect.any(String) as string });
      expect((await team.developer.get(`${team.path}/async-invocations/${id}/result`)).status).toBe(404);
    }
    await makeDue(id);
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(await look(team, id)).toMatchObject({ state: 'failed', attempts: 3, status: 503, error: { code: 'FUNCTION_ERROR' }, result: { contentType: 'text/plain', bytes: 5 } });
    expect(pod.requests.map(({ headers }) => headers['x-request-id'])).toEqual([id, id, id]);
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(pod.requests).toHaveLength(3);
    expect((await team.developer.get(`${team.path}/async-invocations/${id}/result`)).headers.get('x-fnplane-function-status')).toBe('503');
  });

  it('waits its time between tries, whoever looks at it', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(200));
    const id = await accepted(team);
    await sql(`UPDATE async_invocation SET next_attempt_at = clock_timestamp() + interval '40 seconds' WHERE id = $1`, [id]);
    const { delayMs } = await run(team, id) as { delayMs: number };
    expect(delayMs).toBeGreaterThan(35_000);
    expect(pod.requests).toEqual([]);
  });

  it('fails at once by the function\'s own word, and at a lost connection is a try', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(422, 'no'));
    expect(await look(team, await failed(team, '?maxAttempts=10'))).toMatchObject({ attempts: 1, status: 422 });
    pod.handler = (request) => request.socket.destroy();
    expect(await look(team, await failed(team))).toMatchObject({ attempts: 1, status: null, error: { code: 'FUNCTION_CONNECTION_LOST' } });
  });

  it('waits while its function is suspended or unknown to the gateway: that is no try', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(200), 'orders', 'ingress');
    const id = await accepted(team, '?maxAttempts=1');
    for (const least of [500, 1_000, 2_000]) {
      await makeDue(id);
      const { delayMs } = await run(team, id) as { delayMs: number };
      expect(delayMs).toBeGreaterThanOrEqual(least);
      expect(await look(team, id)).toMatchObject({ state: 'queued', attempts: 0, error: { code: 'FUNCTION_SUSPENDED' } });
    }
    rig.deploy(team.tenant, 'orders', [pod]);
    await makeDue(id);
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(await look(team, id)).toMatchObject({ state: 'succeeded', attempts: 1, error: null, result: { contentType: null, bytes: 0, tooLarge: false } });
    expect(pod.requests).toHaveLength(1);

    const strange = await newTeam();
    expect((await strange.developer.post(`${strange.path}/functions`, { name: 'orders', ...SOURCE })).status).toBe(202);
    const unknown = await accepted(strange, '?maxAttempts=1');
    expect(await run(strange, unknown)).toMatchObject({ again: 'after' });
    expect(await look(strange, unknown)).toMatchObject({ state: 'queued', attempts: 0, error: { code: 'FUNCTION_NOT_FOUND' } });
  });

  it('waits for a gateway that is away: that is no try', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    const id = await accepted(team, '?maxAttempts=1');
    const closed = await new GatewayRig().start();
    const { url } = closed;
    await closed.stop();
    const nowhere = new FunctionCalls(new GatewayLink({ ...api.config, FNPLANE_GATEWAY_URL: url }), service(FunctionPlacesService));
    expect(await run(team, id, new RunAsyncInvocationJob(service(TenantDirectory), service(AsyncRunsRepository), nowhere, service(AsyncEndings)))).toMatchObject({ again: 'after' });
    expect(await look(team, id)).toMatchObject({ state: 'queued', attempts: 0, error: { code: 'GATEWAY_UNAVAILABLE' } });
  });

  it('is taken up again where the control plane itself failed in the middle', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    const id = await accepted(team, '?maxAttempts=1');
    const broken = { call: () => Promise.reject(new Error('gone')) } as unknown as FunctionCalls;
    await expect(run(team, id, new RunAsyncInvocationJob(service(TenantDirectory), service(AsyncRunsRepository), broken, service(AsyncEndings)))).rejects.toThrow('gone');
    expect(await look(team, id)).toMatchObject({ state: 'running', attempts: 0 });
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(await look(team, id)).toMatchObject({ state: 'succeeded', attempts: 1 });
  });

  it('expires', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(200), 'orders', 'ingress');
    const id = await accepted(team, '?maxAgeSeconds=60');
    await run(team, id);
    await sql('UPDATE async_invocation SET expires_at = clock_timestamp() WHERE id = $1', [id]);
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(await look(team, id)).toMatchObject({ state: 'failed', attempts: 0, error: { code: 'ASYNC_EXPIRED', message: expect.stringContaining('FUNCTION_SUSPENDED') as string } });
    expect(pod.requests).toEqual([]);
  });

  it('may be scheduled; its age counts from then', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(200));
    const at = new Date(Date.now() + 3_600_000);
    const id = await accepted(team, `?maxAgeSeconds=60&scheduledFor=${encodeURIComponent(at.toISOString())}`);
    expect(await look(team, id)).toMatchObject({ nextAttemptAt: at.toISOString(), expiresAt: new Date(at.getTime() + 60_000).toISOString() });
    expect(await sql(`SELECT 1 AS found FROM work_item WHERE key = $1 AND visible_at >= $2`, [`${team.tenant.id}/${id}`, at])).toHaveLength(1);
    expect(((await run(team, id)) as { delayMs: number }).delayMs).toBeGreaterThan(3_500_000);
    expect(pod.requests).toEqual([]);
    const far = await accept(team, `?scheduledFor=${encodeURIComponent(new Date(Date.now() + 8 * 86_400_000).toISOString())}`);
    expect([far.status, far.body.errors]).toMatchObject([422, [{ pointer: '?scheduledFor' }]]);
  });

  it('keeps no answer above 256 KiB, and reads it to its end', async () => {
    const team = await newTeam();
    await deploy(team, (request, response) => void request.resume().once('end', () => response.end(Buffer.alloc(7 * 1024 * 1024))));
    const id = await accepted(team);
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(await look(team, id)).toMatchObject({ state: 'succeeded', status: 200, result: { bytes: null, tooLarge: true } });
    const result = await team.developer.get(`${team.path}/async-invocations/${id}/result`);
    expect([result.status, result.body.code]).toEqual([404, 'ASYNC_RESULT_NOT_FOUND']);
  });

  it('is run again, with the same id, by another worker when its own was cut off', async () => {
    const team = await newTeam();
    const hanging: ServerResponse[] = [];
    const pod = await deploy(team, (_request, response) => void hanging.push(response));
    const id = await accepted(team, '?maxAttempts=1');
    const first = runner();
    await until(() => hanging.length === 1);
    await first.stop(0);
    expect(await look(team, id)).toMatchObject({ state: 'running', attempts: 0 });
    expect((await team.developer.delete(`${team.path}/async-invocations/${id}`)).body).toMatchObject({ code: 'ASYNC_INVOCATION_RUNNING' });
    // Its lease runs out.
    await sql('UPDATE work_item SET visible_at = clock_timestamp() WHERE key = $1', [`${team.tenant.id}/${id}`]);
    pod.handler = answering(200, 'done');
    const second = runner();
    await eventually(async () => expect(await look(team, id)).toMatchObject({ state: 'succeeded', attempts: 1 }), { withinMs: 10_000, everyMs: 20 });
    await second.stop(5_000);
    // What the first one hears at last is nothing any more.
    hanging[0]!.writeHead(500).end('late');
    await first.stop(5_000);
    expect(await look(team, id)).toMatchObject({ state: 'succeeded', attempts: 1, status: 200 });
    expect(pod.requests.map(({ headers }) => headers['x-request-id'])).toEqual([id, id]);
  });

  it('leaves half of a worker to other tenants', async () => {
    const team = await newTeam();
    const hanging: ServerResponse[] = [];
    await deploy(team, (_request, response) => void hanging.push(response));
    const job = new RunAsyncInvocationJob(service(TenantDirectory), service(AsyncRunsRepository), service(FunctionCalls), service(AsyncEndings));
    const ids = await Promise.all(Array.from({ length: 17 }, () => accepted(team)));
    const runs = ids.slice(0, 16).map((id) => run(team, id, job));
    expect(await run(team, ids[16]!, job)).toEqual({ again: 'after', delayMs: 1_000 });
    expect(await look(team, ids[16]!)).toMatchObject({ state: 'queued' });
    await until(() => hanging.length === 16);
    for (const response of hanging) response.end();
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 16 }, () => ({ again: 'never' })));
    expect(await job.handle(`${team.tenant.id}/${randomUUID()}`)).toEqual({ again: 'never' });
  });
});

describe('accepting', () => {
  it('is refused for functions that are not there or are being deleted', async () => {
    const team = await newTeam();
    for (const reference of ['none', 'No-Name', randomUUID()]) {
      const answer = await team.developer.post(`${team.path}/functions/${reference}/async-invocations`, {});
      expect([reference, answer.status, answer.body.code]).toEqual([reference, 404, 'FUNCTION_NOT_FOUND']);
    }
    await deploy(team, answering(200));
    expect((await team.developer.delete(`${team.path}/functions/orders`)).status).toBe(202);
    expect((await accept(team)).body).toMatchObject({ status: 404, code: 'FUNCTION_NOT_FOUND' });
    expect(await sql('SELECT id FROM async_invocation WHERE tenant_id = $1', [team.tenant.id])).toEqual([]);
  });

  it('takes the function\'s id, and no more than 1 MiB', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    const { id } = (await team.developer.get(`${team.path}/functions/orders`)).body as { id: string };
    expect((await team.developer.post(`${team.path}/functions/${id}/async-invocations`)).status).toBe(202);
    const headers = { 'content-type': 'application/octet-stream' };
    expect((await accept(team, '', Buffer.alloc(1024 * 1024), headers)).status).toBe(202);
    const large = await accept(team, '', Buffer.alloc(1024 * 1024 + 1), headers);
    expect([large.status, large.body.code]).toEqual([413, 'ASYNC_INVOCATION_TOO_LARGE']);
  });

  it.each(['maxAttempts=0', 'maxAttempts=11', 'maxAgeSeconds=59', 'maxAgeSeconds=86401', 'scheduledFor=tomorrow', 'method=TRACE', 'path=x'])('refuses ?%s', async (query) => {
    const team = await newTeam();
    const answer = await accept(team, `?${query}`);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, `?${query.split('=')[0]}`]);
  });

  it('ends where too many wait', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    const rows = service(AsyncInvocationsRepository);
    const context = tenantJobContext('tests', { id: team.tenant.id, name: team.name });
    const small = new AsyncInvocationsService(service(Database), rows, new QueueBound(rows, 2), service(FunctionsService), service(TenantsService), service(AuditService));
    const command = { function: 'orders', method: 'POST', path: '/', headers: {}, body: undefined, maxAttempts: 3, maxAgeSeconds: 60, scheduledFor: undefined, pointer: '?' } as const;
    await small.accept(context, command);
    await small.accept(context, command);
    await expect(small.accept(context, command)).rejects.toMatchObject({ kind: 'rate-limited', code: 'ASYNC_QUEUE_FULL', retryAfterSeconds: 5 });
    expect(await rows.countQueued(context, 100)).toBe(2);
    await expect(new QueueBound(rows, 2).admit(context)).rejects.toMatchObject({ code: 'ASYNC_QUEUE_FULL' });
  });

  it('does nothing twice under one key, and takes other bytes for another request', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    for (const [type, first, other] of [['application/octet-stream', 'a', 'b'], ['application/json', '{"a":1}', '{"a": 1}']] as const) {
      const headers = { 'content-type': type, 'idempotency-key': randomUUID() };
      const [one, two] = [await accept(team, '', first, headers), await accept(team, '', first, headers)];
      expect([two.status, two.headers.get('idempotency-replayed'), two.headers.get('location'), two.body]).toEqual([202, 'true', one.headers.get('location'), one.body]);
      const reused = await accept(team, '', other, headers);
      expect([reused.status, reused.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
    }
    expect(await sql('SELECT id FROM async_invocation WHERE tenant_id = $1', [team.tenant.id])).toHaveLength(2);
  });

  it('only checks with validateOnly', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    expect((await accept(team, '?validateOnly=true')).status).toBe(200);
    expect(await sql('SELECT id FROM async_invocation WHERE tenant_id = $1', [team.tenant.id])).toEqual([]);
    expect(await sql('SELECT key FROM work_item WHERE kind = $1 AND fair_group = $2', [KIND, team.tenant.id])).toEqual([]);
  });
});

describe('lists, dead letters and results', () => {
  it('are paged and filtered', async () => {
    const team = await newTeam();
    await deploy(team, answering(422));
    await deploy(team, answering(200), 'other');
    const dead = [await failed(team), await failed(team)];
    const queued = await accepted(team);
    const { id: other } = (await team.developer.post(`${team.path}/functions/other/async-invocations`)).body as { id: string };
    const list = async (query: string) => (await team.viewer.get(`${team.path}/async-invocations${query}`)).body as { items: { id: string }[]; nextCursor: string | null };
    const first = await list('?limit=3');
    expect(first.items.map(({ id }) => id)).toEqual([...dead, queued]);
    expect((await list(`?limit=3&cursor=${first.nextCursor!}`)).items.map(({ id }) => id)).toEqual([other]);
    expect((await list('?state=failed')).items.map(({ id }) => id)).toEqual(dead);
    expect((await list('?function=other')).items.map(({ id }) => id)).toEqual([other]);
    expect((await list('?function=other&state=failed')).items).toEqual([]);
    expect((await team.viewer.get(`${team.path}/async-invocations?function=none`)).body).toMatchObject({ code: 'FUNCTION_NOT_FOUND' });
    expect((await team.viewer.get(`${team.path}/async-invocations?state=lost`)).status).toBe(422);
  });

  it('are tried anew, one or all, or purged', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(422));
    const [one, two, three] = [await failed(team), await failed(team), await failed(team)];
    const { etag } = await look(team, one) as { etag: string };
    expect((await team.developer.post(`${team.path}/async-invocations/${one}/redrive`, undefined, { headers: { 'if-match': '"00000000-1"' } })).status).toBe(412);
    const redriven = await team.developer.post(`${team.path}/async-invocations/${one}/redrive`, undefined, { headers: { 'if-match': `"${etag}"` } });
    expect([redriven.status, redriven.body]).toMatchObject([202, { id: one, state: 'queued', attempts: 0, status: null, error: null, result: null, finishedAt: null }]);
    expect((await team.developer.post(`${team.path}/async-invocations/${one}/redrive`)).body).toMatchObject({ status: 409, code: 'ASYNC_INVOCATION_NOT_FAILED' });
    pod.handler = answering(204);
    expect(await run(team, one)).toEqual({ again: 'never' });
    expect(await look(team, one)).toMatchObject({ state: 'succeeded', attempts: 1 });

    expect((await team.developer.post(`${team.path}/async-invocations/redrive`, { function: 'orders' })).body).toEqual({ count: 2, more: false });
    for (const id of [two, three]) expect(await look(team, id)).toMatchObject({ state: 'queued', attempts: 0 });
    expect((await team.developer.post(`${team.path}/async-invocations/redrive`, {})).body).toEqual({ count: 0, more: false });
    expect(await sql('SELECT count(*)::int AS count FROM work_item WHERE kind = $1 AND fair_group = $2', [KIND, team.tenant.id])).toEqual([{ count: 3 }]);

    await sql(`UPDATE async_invocation SET state = 'failed', finished_at = clock_timestamp() WHERE id = ANY($1)`, [[two, three]]);
    await sql(`INSERT INTO async_invocation (tenant_id, id, function_id, method, path, headers, principal, state, max_attempts, max_age_seconds, next_attempt_at, expires_at, finished_at)
      SELECT tenant_id, gen_random_uuid(), function_id, method, path, headers, principal, 'failed', 1, 60, now(), now(), now() FROM async_invocation, generate_series(1, 1000) WHERE id = $1`, [two]);
    expect((await team.developer.post(`${team.path}/async-invocations/purge`, {})).body).toEqual({ count: 1_000, more: true });
    expect((await team.developer.post(`${team.path}/async-invocations/purge`, {})).body).toEqual({ count: 2, more: false });
    expect((await team.viewer.get(`${team.path}/async-invocations`)).body.items).toMatchObject([{ id: one }]);
    const { items } = (await api.operator.get(`${team.path}/audit?limit=500`)).body as { items: { action: string }[] };
    expect(items.map(({ action }) => action).filter((action) => action.startsWith('async-invocation'))).toEqual(expect.arrayContaining(['async-invocation.redrive', 'async-invocation.purge']));
  });

  it('are taken back while they wait, and removed once they have ended', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(200));
    const [waiting, done] = [await accepted(team), await accepted(team)];
    await run(team, done);
    for (const id of [waiting, done]) {
      expect((await team.developer.delete(`${team.path}/async-invocations/${id}`)).status).toBe(204);
      expect((await team.viewer.get(`${team.path}/async-invocations/${id}`)).body).toMatchObject({ status: 404, code: 'ASYNC_INVOCATION_NOT_FOUND' });
      expect(await run(team, id)).toEqual({ again: 'never' });
    }
    expect(pod.requests).toHaveLength(1);
  });

  it('are gone seven days after they ended, and with their function or tenant', async () => {
    const team = await newTeam();
    await deploy(team, answering(422));
    const [old, young, waiting] = [await failed(team), await failed(team), await accepted(team)];
    await sql(`UPDATE async_invocation SET finished_at = clock_timestamp() - interval '7 days 1 minute' WHERE id = $1`, [old]);
    expect(await service(CleanAsyncInvocationsJob).handle()).toEqual({ again: 'after', delayMs: 600_000 });
    const left = () => sql<{ id: string }>('SELECT id FROM async_invocation WHERE tenant_id = $1 ORDER BY created_at', [team.tenant.id]);
    expect(await left()).toEqual([{ id: young }, { id: waiting }]);
    await sql('DELETE FROM function WHERE tenant_id = $1', [team.tenant.id]);
    expect(await left()).toEqual([]);

    const leaving = await newTeam();
    await deploy(leaving, answering(200));
    const id = await accepted(leaving);
    expect((await api.operator.delete(leaving.path)).status).toBe(202);
    expect((await accept(leaving)).status).toBe(404);
    expect(await run(leaving, id)).toEqual({ again: 'never' });
    expect(await service(AsyncInvocationsParticipant).teardown(tenantJobContext('tests', { id: leaving.tenant.id, name: leaving.name }))).toEqual({ done: true });
    expect(await sql('SELECT id FROM async_invocation WHERE tenant_id = $1', [leaving.tenant.id])).toEqual([]);
  });
});

describe('who may', () => {
  it('is decided by permission, and nobody reaches another tenant\'s', async () => {
    const [team, others] = [await newTeam(), await newTeam()];
    await deploy(team, answering(422));
    const id = await failed(team);
    const at = `${team.path}/async-invocations`;
    const denied = [
      team.viewer.post(`${team.path}/functions/orders/async-invocations`, {}), team.viewer.get(`${at}/${id}/result`), team.viewer.post(`${at}/${id}/redrive`), team.viewer.delete(`${at}/${id}`),
      team.viewer.post(`${at}/redrive`, {}), team.viewer.post(`${at}/purge`, {}),
    ];
    for (const answer of await Promise.all(denied)) expect([answer.status, answer.body.code]).toEqual([403, 'PERMISSION_DENIED']);
    const under = `${others.path}/async-invocations`;
    for (const foreign of [id, randomUUID(), 'no-id']) {
      const answers = [others.developer.get(`${under}/${foreign}`), others.developer.get(`${under}/${foreign}/result`), others.developer.post(`${under}/${foreign}/redrive`), others.developer.delete(`${under}/${foreign}`)];
      for (const answer of await Promise.all(answers)) expect([answer.status, answer.body.code]).toEqual([404, 'ASYNC_INVOCATION_NOT_FOUND']);
    }
    expect((await others.developer.get(`${at}/${id}`)).body).toMatchObject({ status: 404, code: 'TENANT_NOT_FOUND' });
    expect(await look(team, id)).toMatchObject({ state: 'failed' });
    expect(await api.plane.database.statement(systemContext('tests'), 'SELECT id FROM async_invocation WHERE id = $1', [id])).toHaveLength(1);
  });
});

describe('over GraphQL', () => {
  const FIELDS = 'id uuid function state attempts maxAttempts method path status error { code message } result { contentType bytes tooLarge } etag';
  const mutate = async (client: HttpClient, name: string, type: string, input: object, selection: string) => {
    const { body } = await client.graphql(`mutation($input: ${type}!) { ${name}(input: $input) { ${selection} userErrors { code field } } }`, { input });
    return { payload: body.data?.[name], errors: body.errors as { extensions: { code: string } }[] | undefined };
  };

  it('the same is done and seen', async () => {
    const team = await newTeam();
    const pod = await deploy(team, answering(422, '{"no":true}', { 'content-type': 'application/json' }));
    const input = { tenant: team.name, function: 'orders', payload: { constructor: 1 }, method: 'PUT', path: '/x', headers: { 'x-a': '1' }, maxAttempts: 2, maxAgeSeconds: 60, idempotencyKey: randomUUID() };
    const { payload } = await mutate(team.developer, 'invokeFunctionAsync', 'InvokeFunctionAsyncInput', input, `asyncInvocation { ${FIELDS} }`);
    expect(payload).toMatchObject({ asyncInvocation: { function: 'orders', state: 'QUEUED', maxAttempts: 2, method: 'PUT', path: '/x' }, userErrors: [] });
    expect((await mutate(team.developer, 'invokeFunctionAsync', 'InvokeFunctionAsyncInput', input, `asyncInvocation { ${FIELDS} }`)).payload).toEqual(payload);
    const { uuid, id } = payload.asyncInvocation as { uuid: string; id: string };
    await run(team, uuid);
    expect(pod.requests).toMatchObject([{ method: 'PUT', url: '/x', headers: { 'x-a': '1', 'content-type': 'application/json', 'content-length': '17', 'x-request-id': uuid } }]);
    const query = `query($tenant: String!, $one: String!, $id: ID!) {
      asyncInvocation(tenant: $tenant, asyncInvocation: $one) { ${FIELDS} }
      asyncInvocations(tenant: $tenant, function: "orders", state: FAILED) { nodes { uuid } pageInfo { hasNextPage } }
      asyncInvocationResult(tenant: $tenant, asyncInvocation: $one) { status revision contentType payload body }
      node(id: $id) { ... on AsyncInvocation { uuid } } }`;
    const { body } = await team.developer.graphql(query, { tenant: team.name, one: uuid, id });
    expect(body).toMatchObject({ data: {
      asyncInvocation: { state: 'FAILED', attempts: 1, status: 422, error: { code: 'FUNCTION_ERROR' }, result: { bytes: 11 } },
      asyncInvocations: { nodes: [{ uuid }], pageInfo: { hasNextPage: false } },
      asyncInvocationResult: { status: 422, revision: 1, contentType: 'application/json', payload: { no: true }, body: null }, node: { uuid },
    } });

    const one = { tenant: team.name, asyncInvocation: uuid };
    expect((await mutate(team.developer, 'redriveAsyncInvocation', 'AsyncInvocationInput', one, 'asyncInvocation { state }')).payload).toEqual({ asyncInvocation: { state: 'QUEUED' }, userErrors: [] });
    expect((await mutate(team.developer, 'redriveAsyncInvocation', 'AsyncInvocationInput', one, 'asyncInvocation { state }')).payload).toMatchObject({ userErrors: [{ code: 'ASYNC_INVOCATION_NOT_FAILED' }] });
    await run(team, uuid);
    const all = { tenant: team.name, function: 'orders' };
    expect((await mutate(team.developer, 'redriveAsyncInvocations', 'FailedInvocationsInput', all, 'count more')).payload).toEqual({ count: 1, more: false, userErrors: [] });
    await run(team, uuid);
    expect((await mutate(team.developer, 'purgeAsyncInvocations', 'FailedInvocationsInput', { tenant: team.name }, 'count more')).payload).toEqual({ count: 1, more: false, userErrors: [] });
    expect((await mutate(team.developer, 'deleteAsyncInvocation', 'AsyncInvocationInput', one, 'asyncInvocation { state }')).payload).toMatchObject({ asyncInvocation: null, userErrors: [{ code: 'ASYNC_INVOCATION_NOT_FOUND' }] });
    const waiting = await accepted(team);
    expect((await mutate(team.developer, 'deleteAsyncInvocation', 'AsyncInvocationInput', { ...one, asyncInvocation: waiting }, 'asyncInvocation { uuid }')).payload).toMatchObject({ asyncInvocation: { uuid: waiting } });
  });

  it('the same is refused', async () => {
    const team = await newTeam();
    await deploy(team, answering(200));
    const invoke = (client: HttpClient, more: object) => mutate(client, 'invokeFunctionAsync', 'InvokeFunctionAsyncInput', { tenant: team.name, function: 'orders', ...more }, 'asyncInvocation { uuid }');
    expect((await invoke(team.developer, { function: 'none' })).payload).toMatchObject({ userErrors: [{ code: 'FUNCTION_NOT_FOUND' }] });
    expect((await invoke(team.developer, { path: 'x', scheduledFor: new Date(Date.now() + 8 * 86_400_000).toISOString() })).payload.userErrors).toMatchObject([{ field: ['input', 'path'] }, { field: ['input', 'scheduledFor'] }]);
    expect((await invoke(team.developer, { payload: 'x'.repeat(1024 * 1024) })).payload).toMatchObject({ userErrors: [{ code: 'ASYNC_INVOCATION_TOO_LARGE' }] });
    expect((await invoke(team.viewer, {})).errors?.[0]?.extensions.code).toBe('PERMISSION_DENIED');
    const results = await team.viewer.graphql(`{ asyncInvocationResult(tenant: "${team.name}", asyncInvocation: "x") { status } }`);
    expect(results.body.errors[0].extensions.code).toBe('PERMISSION_DENIED');
  });
});
