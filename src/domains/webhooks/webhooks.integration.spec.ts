import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { systemContext, tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { JobRunner, type JobOutcome } from '../../platform/jobs/job-runner.js';
import { SealedHolders } from '../configuration/sealed-holders.js';
import { EventsService } from '../events/events.service.js';
import type { EventFacts } from '../events/platform-event.js';
import { TenantDirectory } from '../tenants/tenant-directory.js';
import { DeliverWebhookJob } from './jobs/deliver-webhook.job.js';
import { WebhookRunsRepository } from './store/webhook-runs.repository.js';
import { signersOf, WebhookReceiver } from './testing/webhook-receiver.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhooksParticipant } from './webhooks.participant.js';

const never = new AbortController().signal;
const LOOPBACK = { FNPLANE_OUTBOUND_RANGES: '127.0.0.1/32', FNPLANE_OUTBOUND_INSECURE: 'true' };

let api: TestApi;
let receivers: WebhookReceiver[] = [];
const runners: JobRunner[] = [];
beforeAll(async () => {
  api = await startApi(LOOPBACK);
});
afterEach(async () => {
  await Promise.all(runners.splice(0).map((runner) => runner.stop(5_000)));
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  receivers = [];
});
afterAll(() => api.stop());

interface Team {
  id: string;
  name: string;
  path: string;
  context: TenantContext;
  admin: HttpClient;
}

async function newTeam(): Promise<Team> {
  const name = randomName('team');
  const { id } = (await api.operator.post('/v1/tenants', { name })).body as { id: string };
  return { id, name, path: `/v1/tenants/${name}`, context: tenantJobContext('tests', { id, name }), admin: api.operator };
}

async function receiver(): Promise<WebhookReceiver> {
  const made = await new WebhookReceiver().start();
  receivers.push(made);
  return made;
}

interface Created {
  id: string;
  secret: string;
  path: string;
  key: string;
}

async function subscribe(team: Team, url: string, more: object = {}): Promise<Created> {
  const name = randomName('hook');
  const answer = await team.admin.post(`${team.path}/webhooks`, { name, url, ...more });
  expect([answer.status, answer.body]).toEqual([201, expect.objectContaining({ name, url, status: expect.objectContaining({ state: 'active', backlog: 0, lastDelivery: null }) as object })]);
  const { id, secret } = answer.body as { id: string; secret: string };
  return { id, secret, path: `${team.path}/webhooks/${name}`, key: `${team.id}/${id}` };
}

function service<T>(type: abstract new (...args: never[]) => T, of = api): T {
  return of.plane.app.get<T>(type, { strict: false });
}

function sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
  return api.plane.database.dataSource.query<Row[]>(text, values);
}

function happen(team: Team, ...subjects: string[]): Promise<string[]> {
  return record(team, ...subjects.map((name): EventFacts => ({ type: 'function.ready', subject: `functions/${name}`, data: { function: name } })));
}

/** Each in a transaction of its own. */
async function record(team: Team, ...events: EventFacts[]): Promise<string[]> {
  const ids: string[] = [];
  for (const event of events) ids.push(await service(EventsService).record(team.context, event));
  return ids;
}

function run({ key }: Created, job = service(DeliverWebhookJob)): Promise<JobOutcome> {
  return job.handle(key, never);
}

function makeDue({ id }: Created): Promise<unknown> {
  return sql('UPDATE webhook SET next_attempt_at = clock_timestamp() WHERE id = $1', [id]);
}

async function look(team: Team, hook: Created): Promise<Record<string, never> & { status: Record<string, unknown>; etag: string }> {
  const { status, body } = await team.admin.get(hook.path);
  expect(status).toBe(200);
  return body as never;
}

function startRunner(job = service(DeliverWebhookJob)): JobRunner {
  const runner = new JobRunner(api.plane.database, api.config.DATABASE_URL!, [job]);
  runners.push(runner);
  runner.start();
  return runner;
}

function newJob(sender: WebhookSender = service(WebhookSender)): DeliverWebhookJob {
  return new DeliverWebhookJob(service(TenantDirectory), service(WebhookRunsRepository), service(EventsService), service(WebhookSecrets), sender);
}

const subjectsOf = ({ requests }: WebhookReceiver): string[] => requests.map(({ event }) => event.subject.replace('functions/', ''));

describe('a webhook', () => {
  it('gets what happens from its creation on, in order, as signed CloudEvents', async () => {
    const team = await newTeam();
    const target = await receiver();
    await happen(team, 'before');
    const hook = await subscribe(team, target.url('/in?x=1'));
    startRunner();
    const [first] = await happen(team, 'a', 'b', 'c');
    await eventually(() => Promise.resolve(expect(subjectsOf(target)).toEqual(['a', 'b', 'c'])), { withinMs: 10_000, everyMs: 20 });
    const [request] = target.requests;
    expect(request).toMatchObject({
      path: '/in?x=1', headers: { 'content-type': 'application/cloudevents+json; charset=utf-8', 'webhook-id': first, 'user-agent': 'fnplane-webhooks/1' },
      event: { specversion: '1.0', id: first, source: `/tenants/${team.name}`, type: 'dev.fnplane.function.ready.v1', subject: 'functions/a', datacontenttype: 'application/json', data: { function: 'a' } },
    });
    expect(Math.abs(Date.now() / 1_000 - Number(request!.headers['webhook-timestamp']))).toBeLessThan(60);
    for (const each of target.requests) expect(signersOf(each, { own: hook.secret, other: 'whsec_AAAA' })).toEqual(['own']);
    await eventually(async () => expect((await look(team, hook)).status).toMatchObject({ state: 'active', backlog: 0, lastDelivery: { delivered: true, status: 204, error: null, number: 3 } }), { withinMs: 5_000, everyMs: 20 });
    const { body } = await team.admin.get(`${hook.path}/deliveries?limit=2`);
    expect(body.items).toMatchObject([{ number: 3 }, { number: 2, eventType: 'function.ready', attempt: 1, delivered: true }]);
    expect((await team.admin.get(`${hook.path}/deliveries?limit=2&cursor=${body.nextCursor as string}`)).body).toMatchObject({ items: [{ number: 1, eventId: first }], nextCursor: null });
  });

  it('gets only the types it asked for, and passes over the others', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url(), { events: ['function.failed', 'secret.rotated'] });
    await happen(team, 'ready');
    expect(await sql('SELECT key FROM work_item WHERE kind = $1 AND key = $2', ['webhook', hook.key])).toEqual([]);
    await record(team, { type: 'function.failed', subject: 'functions/x', data: {} });
    await happen(team, 'ready');
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(target.requests.map(({ event }) => event.type)).toEqual(['dev.fnplane.function.failed.v1']);
    const [{ cursor }] = await sql<{ cursor: string }>('SELECT cursor FROM webhook WHERE id = $1', [hook.id]) as [{ cursor: string }];
    expect(cursor).toBe('3');
    const patched = await team.admin.patch(hook.path, { events: null });
    expect([patched.status, patched.body.events]).toEqual([200, null]);
    await happen(team, 'now');
    await run(hook);
    expect(target.requests.at(-1)?.event.subject).toBe('functions/now');
  });

  it('is tried again while it fails, and what comes later waits behind', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    target.answer = 500;
    const [first] = await happen(team, 'a', 'b');
    const outcome = await run(hook) as { again: 'after'; delayMs: number };
    expect(outcome).toEqual({ again: 'after', delayMs: expect.toSatisfy((ms: number) => ms >= 4_500 && ms <= 5_000) as number });
    expect(await run(hook)).toEqual({ again: 'after', delayMs: expect.toSatisfy((ms: number) => ms > 1_000 && ms <= 5_000) as number });
    await makeDue(hook);
    expect(await run(hook)).toEqual({ again: 'after', delayMs: expect.toSatisfy((ms: number) => ms >= 9_000 && ms <= 10_000) as number });
    expect(target.requests.map(({ headers }) => headers['webhook-id'])).toEqual([first, first]);
    expect((await look(team, hook)).status).toMatchObject({ state: 'failing', failingSince: expect.any(String) as string, nextAttemptAt: expect.any(String) as string, backlog: 2, lastDelivery: { attempt: 2, status: 500, delivered: false, error: { code: 'WEBHOOK_REFUSED' } } });
    target.answer = 200;
    await makeDue(hook);
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(subjectsOf(target)).toEqual(['a', 'a', 'a', 'b']);
    expect((await look(team, hook)).status).toMatchObject({ state: 'active', failingSince: null, backlog: 0 });
  });

  it('has one that does not answer in time, that redirects or that is gone', async () => {
    const team = await newTeam();
    const [target, inside] = [await receiver(), await receiver()];
    const hook = await subscribe(team, target.url());
    await happen(team, 'a');
    target.answer = (_, response) => void response.writeHead(302, { location: inside.url() }).end();
    expect(await run(hook)).toMatchObject({ again: 'after' });
    expect((await look(team, hook)).status).toMatchObject({ lastDelivery: { status: 302, error: { message: expect.stringContaining('redirects are not followed') as string } } });
    expect(inside.requests).toEqual([]);
    target.answer = 410;
    await makeDue(hook);
    expect(await run(hook)).toEqual({ again: 'never' });
    expect((await look(team, hook)).status).toMatchObject({ state: 'disabled', disabledReason: 'gone', disabledAt: expect.any(String) as string, backlog: 1 });
    await happen(team, 'b');
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(target.requests).toHaveLength(2);
    target.answer = (_, response) => void response.end('x'.repeat(300_000));
    expect((await team.admin.patch(hook.path, { url: target.url('/new') })).body).toMatchObject({ status: { state: 'active', disabledReason: null } });
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(target.requests.slice(2).map(({ path, event }) => [path, event.subject])).toEqual([['/new', 'functions/a'], ['/new', 'functions/b']]);
  });

  it('is given up after three days of failures, and taken up by a replay', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    target.answer = 503;
    await happen(team, 'a');
    await run(hook);
    await sql(`UPDATE webhook SET failing_since = clock_timestamp() - interval '3 days', next_attempt_at = clock_timestamp() WHERE id = $1`, [hook.id]);
    expect(await run(hook)).toEqual({ again: 'never' });
    expect((await look(team, hook)).status).toMatchObject({ state: 'disabled', disabledReason: 'failing' });
    target.answer = 204;
    expect((await team.admin.post(`${hook.path}/replay`, { fromTime: new Date(Date.now() - 60_000).toISOString() })).status).toBe(202);
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(subjectsOf(target)).toEqual(['a', 'a', 'a']);
  });

  it('is sent again what it had, from an event or a time on; and an event for nothing but a test', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    const [, second] = await happen(team, 'a', 'b', 'c');
    await run(hook);
    expect((await team.admin.post(`${hook.path}/replay`, { fromEvent: second })).body).toMatchObject({ status: { backlog: 2 } });
    expect(await sql('SELECT key FROM work_item WHERE key = $1', [hook.key])).toHaveLength(1);
    await run(hook);
    expect(subjectsOf(target)).toEqual(['a', 'b', 'c', 'b', 'c']);
    expect(new Set(target.requests.filter(({ event }) => event.subject === 'functions/b').map(({ headers }) => headers['webhook-id']))).toEqual(new Set([second]));
    for (const body of [{}, { fromEvent: second, fromTime: new Date().toISOString() }]) expect((await team.admin.post(`${hook.path}/replay`, body)).body).toMatchObject({ status: 422, code: 'WEBHOOK_REPLAY_INVALID' });
    expect((await team.admin.post(`${hook.path}/replay`, { fromEvent: randomUUID() })).body).toMatchObject({ status: 404, code: 'EVENT_NOT_FOUND' });

    const tested = await team.admin.post(`${hook.path}/test`);
    expect(tested.status).toBe(202);
    await run(hook);
    expect(target.requests.at(-1)?.event).toMatchObject({ id: tested.body.eventId as string, type: 'dev.fnplane.webhook.test.v1' });
    expect((await team.admin.get(`${team.path}/events`)).body.items).toHaveLength(3);
    const other = await subscribe(team, target.url('/other'));
    await team.admin.post(`${hook.path}/test`);
    await run(other);
    expect(target.requests.filter(({ path }) => path === '/other')).toEqual([]);
  });

  it('signs with both secrets while they overlap, and shows neither again', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    const rotate = (body: object = {}): Promise<HttpAnswer> => team.admin.post(`${hook.path}/rotate-secret`, body);
    const rotated = await rotate();
    expect([rotated.status, rotated.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const secrets = { old: hook.secret, present: rotated.body.secret as string };
    await happen(team, 'a');
    await run(hook);
    expect(signersOf(target.requests[0]!, secrets)).toEqual(['old', 'present']);
    expect(String(target.requests[0]!.headers['webhook-signature']).split(' ')).toHaveLength(2);
    const last = (await rotate({ overlapSeconds: 0 })).body.secret as string;
    await happen(team, 'b');
    await run(hook);
    expect(signersOf(target.requests[1]!, { ...secrets, last })).toEqual(['last']);
    const said = JSON.stringify([await look(team, hook), (await team.admin.get(`${team.path}/webhooks`)).body]);
    for (const secret of [hook.secret, secrets.present, last]) expect(said).not.toContain(secret.slice(6));
    const rows = await sql<Record<string, unknown>>('SELECT * FROM webhook_secret WHERE webhook_id = $1', [hook.id]);
    expect(rows).toHaveLength(1);
    const bytes = Buffer.concat(rows.flatMap((row) => [row.sealed as Buffer, row.wrapped_key as Buffer]));
    for (const secret of [hook.secret, secrets.present, last]) expect(bytes.includes(Buffer.from(secret.slice(6)))).toBe(false);
    expect([rotated.body.status.previousSecretUntil, (await look(team, hook)).status.previousSecretUntil]).toEqual([expect.any(String), null]);
  });

  it('pauses while its owner disables it, and goes on where it stopped', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    expect((await team.admin.patch(hook.path, { disabled: true })).body).toMatchObject({ disabled: true, status: { state: 'disabled', disabledReason: 'owner', disabledAt: null } });
    await happen(team, 'a', 'b');
    expect(await run(hook)).toEqual({ again: 'never' });
    expect((await team.admin.post(`${hook.path}/test`)).body).toMatchObject({ status: 409, code: 'WEBHOOK_DISABLED' });
    expect((await look(team, hook)).status).toMatchObject({ backlog: 2 });
    await team.admin.patch(hook.path, { disabled: false });
    expect(await sql('SELECT key FROM work_item WHERE key = $1', [hook.key])).toHaveLength(1);
    await run(hook);
    expect(subjectsOf(target)).toEqual(['a', 'b']);
  });
});

describe('workers', () => {
  it('send all of many events in order, a batch at a time, two of them side by side', async () => {
    const team = await newTeam();
    const target = await receiver();
    await subscribe(team, target.url());
    const names = Array.from({ length: 45 }, (_, index) => `f${index}`);
    await happen(team, ...names);
    startRunner(newJob());
    startRunner(newJob());
    await eventually(() => Promise.resolve(expect(subjectsOf(target)).toEqual(names)), { withinMs: 15_000, everyMs: 50 });
  });

  it('that die between the answer and the record send it again; those that were overtaken write nothing', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    const [first] = await happen(team, 'a', 'b');
    // Its process ends before it can write: as far as anybody sees, it sent and was gone.
    const runs = service(WebhookRunsRepository);
    const dying = Object.assign(Object.create(runs) as WebhookRunsRepository, { record: () => Promise.reject(new Error('killed')) });
    await expect(new DeliverWebhookJob(service(TenantDirectory), dying, service(EventsService), service(WebhookSecrets), service(WebhookSender)).handle(hook.key, never)).rejects.toThrow('killed');
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(subjectsOf(target)).toEqual(['a', 'a', 'b']);
    expect(target.requests[1]!.headers['webhook-id']).toBe(first);

    // One whose lease ran out while it waited for the answer finds that another has done it.
    await happen(team, 'c');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => { release = resolve; });
    target.answer = (_, response) => void held.then(() => response.writeHead(204).end());
    const slow = run(hook, newJob());
    await eventually(() => Promise.resolve(expect(target.requests).toHaveLength(4)), { withinMs: 5_000, everyMs: 10 });
    target.answer = 204;
    expect(await run(hook, newJob())).toEqual({ again: 'never' });
    release();
    expect(await slow).toEqual({ again: 'after', delayMs: 0 });
    expect((await look(team, hook)).status).toMatchObject({ backlog: 0, lastDelivery: { number: 3 } });
  });

  it('hold back no other tenant: one that never answers has half of the room at most', async () => {
    const [slow, quick] = [await newTeam(), await newTeam()];
    const [silent, target] = [await receiver(), await receiver()];
    silent.answer = () => undefined;
    const other = await receiver();
    other.answer = silent.answer;
    const hooks = await Promise.all(Array.from({ length: 10 }, (_, index) => subscribe(slow, (index % 2 ? silent : other).url())));
    await happen(slow, 'a');
    const job = newJob();
    const hanging = hooks.map((hook) => run(hook, job));
    expect((await Promise.race([hanging[8], hanging[9]]))).toEqual({ again: 'after', delayMs: 1_000 });
    const hook = await subscribe(quick, target.url());
    await happen(quick, 'b');
    expect(await run(hook, job)).toEqual({ again: 'never' });
    expect(subjectsOf(target)).toEqual(['b']);
    await eventually(() => Promise.resolve(expect([silent.requests.length, other.requests.length]).toEqual([4, 4])), { withinMs: 5_000, everyMs: 20 });
    await Promise.all([silent.stop(), other.stop()]);
    receivers = [target];
    expect(await Promise.all(hanging.slice(0, 8))).toEqual(Array.from({ length: 8 }, () => expect.objectContaining({ again: 'after' }) as object));
  });

  it('keep the last hundred tries of each', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    await sql(`INSERT INTO webhook_delivery (tenant_id, webhook_id, number, event_id, event_type, attempt, at, duration_ms, delivered) SELECT $1, $2, n, gen_random_uuid(), 'function.ready', 1, now(), 1, true FROM generate_series(1, 100) n`, [team.id, hook.id]);
    await sql('UPDATE webhook SET deliveries = 100 WHERE id = $1', [hook.id]);
    await happen(team, 'a', 'b');
    await run(hook);
    expect(await sql('SELECT count(*)::int AS count, min(number)::int AS least, max(number)::int AS most FROM webhook_delivery WHERE webhook_id = $1', [hook.id])).toEqual([{ count: 100, least: 3, most: 102 }]);
  });

  it('find the secrets when the encryption keys were rotated', async () => {
    const team = await newTeam();
    const target = await receiver();
    const hook = await subscribe(team, target.url());
    const both = await startApi({ ...LOOPBACK, FNPLANE_ENCRYPTION_KEYS: `k9:${randomBytes(32).toString('base64')},${api.config.FNPLANE_ENCRYPTION_KEYS}` }, api);
    try {
      const holders = service(SealedHolders, both);
      const context = systemContext('tests');
      expect(await holders.keysInUse(context)).toContain('k1');
      expect(await holders.rewrap(context, 'k9', never)).toMatchObject({ unreadable: 0 });
      expect(await holders.keysInUse(context)).toEqual(['k9']);
      await happen(team, 'a');
      await service(DeliverWebhookJob, both).handle(hook.key, never);
      expect(signersOf(target.requests[0]!, { own: hook.secret })).toEqual(['own']);
    } finally {
      await both.stop();
    }
  });
});

describe('an address', () => {
  it.each([
    ['http://169.254.169.254/latest/meta-data/', 'OUTBOUND_ADDRESS_CLOSED'], ['http://10.0.0.1/', 'OUTBOUND_ADDRESS_CLOSED'], ['http://[::1]/', 'OUTBOUND_ADDRESS_CLOSED'], ['http://0/', 'OUTBOUND_ADDRESS_CLOSED'], ['http://127.0.0.2/', 'OUTBOUND_ADDRESS_CLOSED'],
    ['ftp://hooks.example/', 'OUTBOUND_URL_INVALID'], ['https://user:word@hooks.example/', 'OUTBOUND_URL_INVALID'], ['nothing', 'OUTBOUND_URL_INVALID'],
  ])('%s is refused when it is named', async (url, code) => {
    const team = await newTeam();
    expect((await team.admin.post(`${team.path}/webhooks`, { name: 'hook', url })).body).toMatchObject({ status: 422, code, errors: [{ pointer: '/url' }] });
    const hook = await subscribe(team, 'https://hooks.example/');
    expect((await team.admin.patch(hook.path, { url })).body).toMatchObject({ status: 422, code });
  });

  it('inside is never reached, however it came to be there', async () => {
    const strict = await startApi({}, api);
    try {
      const team = await newTeam();
      const target = await receiver();
      expect((await strict.operator.post(`${team.path}/webhooks`, { name: 'plain', url: 'http://hooks.example/' })).body).toMatchObject({ code: 'OUTBOUND_URL_INVALID' });
      const hook = await subscribe(team, 'https://hooks.example/');
      await happen(team, 'a');
      for (const url of [`https://localhost:${target.port}/`, `https://127.0.0.1:${target.port}/`, 'https://169.254.169.254/', 'https://10.0.0.1/', `http://127.0.0.1:${target.port}/`]) {
        await sql('UPDATE webhook SET url = $2, next_attempt_at = NULL WHERE id = $1', [hook.id, url]);
        expect(await service(DeliverWebhookJob, strict).handle(hook.key, never)).toMatchObject({ again: 'after' });
        const { lastDelivery } = (await look(team, hook)).status as { lastDelivery: { status: null; error: { code: string } } };
        expect([url, lastDelivery.status, lastDelivery.error.code]).toEqual([url, null, url.startsWith('http:') ? 'OUTBOUND_URL_INVALID' : 'OUTBOUND_ADDRESS_CLOSED']);
      }
      expect(target.requests).toEqual([]);
    } finally {
      await strict.stop();
    }
  });
});

describe('what owners do', () => {
  it('is bounded, by name and number, and ends with the tenant', async () => {
    const team = await newTeam();
    const hook = await subscribe(team, 'https://hooks.example/');
    const { name } = (await team.admin.get(hook.path)).body as { name: string };
    expect((await team.admin.post(`${team.path}/webhooks`, { name, url: 'https://hooks.example/' })).body).toMatchObject({ status: 409, code: 'WEBHOOK_NAME_TAKEN' });
    for (let count = 1; count < 20; count += 1) await subscribe(team, 'https://hooks.example/');
    expect((await team.admin.post(`${team.path}/webhooks`, { name: 'more', url: 'https://hooks.example/' })).body).toMatchObject({ status: 409, code: 'TOO_MANY_WEBHOOKS' });
    expect((await team.admin.delete(hook.path)).status).toBe(204);
    expect((await team.admin.get(hook.path)).body).toMatchObject({ status: 404, code: 'WEBHOOK_NOT_FOUND' });
    await happen(team, 'a');
    expect(await run(hook)).toEqual({ again: 'never' });
    expect(await service(WebhooksParticipant).teardown(team.context)).toEqual({ done: true });
    expect(await sql('SELECT id FROM webhook WHERE tenant_id = $1 UNION ALL SELECT id FROM platform_event WHERE tenant_id = $1 UNION ALL SELECT tenant_id FROM event_counter WHERE tenant_id = $1', [team.id])).toEqual([]);
  });

  it('is done and seen over GraphQL alike', async () => {
    const team = await newTeam();
    const target = await receiver();
    const mutate = async (name: string, type: string, input: object, selection: string) => {
      const { body } = await team.admin.graphql(`mutation($input: ${type}!) { ${name}(input: $input) { ${selection} userErrors { code field } } }`, { input });
      expect(body.errors).toBeUndefined();
      return body.data[name];
    };
    const FIELDS = 'webhook { id uuid name url events disabled etag status { state backlog disabledReason lastDelivery { status } } }';
    const created = await mutate('createWebhook', 'CreateWebhookInput', { tenant: team.name, webhook: { name: 'deploys', url: target.url(), events: ['FUNCTION_READY'] } }, `${FIELDS} secret`);
    expect(created).toMatchObject({ webhook: { name: 'deploys', events: ['FUNCTION_READY'], status: { state: 'ACTIVE' } }, secret: expect.stringMatching(/^whsec_/) as string, userErrors: [] });
    const of = { tenant: team.name, webhook: 'deploys' };
    const hook = { id: created.webhook.uuid as string, key: `${team.id}/${created.webhook.uuid as string}`, path: `${team.path}/webhooks/deploys`, secret: created.secret as string };
    const [event] = await happen(team, 'a');
    await run(hook);
    expect(await mutate('replayWebhook', 'ReplayWebhookInput', { ...of, from: { fromEvent: event } }, FIELDS)).toMatchObject({ webhook: { status: { backlog: 1, lastDelivery: { status: 204 } } }, userErrors: [] });
    expect(await mutate('replayWebhook', 'ReplayWebhookInput', { ...of, from: {} }, FIELDS)).toMatchObject({ webhook: null, userErrors: [{ code: 'WEBHOOK_REPLAY_INVALID', field: ['input', 'from', 'fromEvent'] }] });
    expect(await mutate('testWebhook', 'WebhookReferenceInput', of, 'eventId')).toMatchObject({ eventId: expect.any(String) as string });
    const rotated = await mutate('rotateWebhookSecret', 'RotateWebhookSecretInput', { ...of, overlapSeconds: 60 }, 'secret webhook { status { previousSecretUntil } }');
    expect(rotated).toMatchObject({ webhook: { status: { previousSecretUntil: expect.any(String) as string } } });
    await run(hook);
    expect(signersOf(target.requests.at(-1)!, { old: hook.secret, present: rotated.secret as string })).toEqual(['old', 'present']);
    expect(await mutate('patchWebhook', 'PatchWebhookInput', { ...of, change: { url: 'http://10.0.0.1/' } }, FIELDS)).toMatchObject({ userErrors: [{ code: 'OUTBOUND_ADDRESS_CLOSED', field: ['input', 'change', 'url'] }] });
    expect(await mutate('patchWebhook', 'PatchWebhookInput', { ...of, change: { events: null, disabled: true } }, FIELDS)).toMatchObject({ webhook: { events: null, status: { state: 'DISABLED', disabledReason: 'OWNER' } } });
    const seen = await team.admin.graphql(`query($tenant: String!, $id: ID!) {
      webhook(tenant: $tenant, webhook: "deploys") { name } webhooks(tenant: $tenant) { nodes { name } } webhookDeliveries(tenant: $tenant, webhook: "deploys", first: 2) { nodes { number eventType delivered } pageInfo { hasNextPage } }
      tenant(tenant: $tenant) { webhooks { nodes { name } } } node(id: $id) { ... on Webhook { name } } }`, { tenant: team.name, id: created.webhook.id as string });
    expect(seen.body).toMatchObject({ data: {
      webhook: { name: 'deploys' }, webhooks: { nodes: [{ name: 'deploys' }] }, webhookDeliveries: { nodes: [{ number: 3, eventType: 'WEBHOOK_TEST' }, { number: 2, eventType: 'FUNCTION_READY', delivered: true }], pageInfo: { hasNextPage: true } },
      tenant: { webhooks: { nodes: [{ name: 'deploys' }] } }, node: { name: 'deploys' },
    } });
    expect(await mutate('deleteWebhook', 'WebhookReferenceInput', of, FIELDS)).toMatchObject({ webhook: { name: 'deploys' }, userErrors: [] });
  });
});

