import { randomUUID } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { tenantNamespace } from '../../contract/names.js';
import { GatewayRig, TestTenant, type TestPod } from '../../gateway/testing/gateway-rig.js';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { tenantJobContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DeliverWebhookJob } from '../webhooks/jobs/deliver-webhook.job.js';
import { signersOf, WebhookReceiver } from '../webhooks/testing/webhook-receiver.js';
import { MOST_HOPS } from './async-destination.js';
import { RunAsyncInvocationJob } from './jobs/run-async-invocation.job.js';

const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } };
const never = new AbortController().signal;

let rig: GatewayRig;
let api: TestApi;
let receiver: WebhookReceiver;
beforeAll(async () => {
  rig = await new GatewayRig().start();
  api = await startApi({ FNPLANE_GATEWAY_URL: rig.url, FNPLANE_INTERNAL_SECRET: rig.secret, FNPLANE_OUTBOUND_RANGES: '127.0.0.1/32', FNPLANE_OUTBOUND_INSECURE: 'true' });
  receiver = await new WebhookReceiver().start();
});
afterAll(async () => {
  await receiver.stop();
  await api.stop();
  await rig.stop();
});

interface Team {
  id: string;
  name: string;
  path: string;
  tenant: TestTenant;
  developer: HttpClient;
}

async function newTeam(): Promise<Team> {
  const [name, subject] = [randomName('team'), randomName('developer')];
  const { id } = (await api.operator.post('/v1/tenants', { name })).body as { id: string };
  await api.operator.post(`/v1/tenants/${name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'developer' });
  return { id, name, path: `/v1/tenants/${name}`, tenant: Object.assign(new TestTenant(name), { id, namespace: tenantNamespace(id) }), developer: await api.person(subject) };
}

async function deploy(team: Team, fn: string, handler: RequestListener): Promise<TestPod> {
  expect((await team.developer.post(`${team.path}/functions`, { name: fn, ...SOURCE })).status).toBe(202);
  const pod = await rig.pod(handler);
  rig.deploy(team.tenant, fn, [pod]);
  return pod;
}

function answering(status: number, body = '', type = 'application/json'): RequestListener {
  return (request, response) => void request.resume().once('end', () => response.writeHead(status, { 'content-type': type }).end(body));
}

function service<T>(type: abstract new (...args: never[]) => T): T {
  return api.plane.app.get<T>(type, { strict: false });
}

async function accept(team: Team, fn: string, query = ''): Promise<Record<string, unknown> & { id: string }> {
  const { status, body } = await team.developer.post(`${team.path}/functions/${fn}/async-invocations${query}`, { order: 7 });
  expect(status).toBe(202);
  return body as never;
}

function run(team: Team, id: string): Promise<unknown> {
  return service(RunAsyncInvocationJob).handle(`${team.id}/${id}`);
}

async function look(team: Team, id: string): Promise<Record<string, unknown> & { destination: { invocation: string | null; event: string | null; error: { code: string } | null } | null }> {
  return (await team.developer.get(`${team.path}/async-invocations/${id}`)).body as never;
}

async function deliver(team: Team): Promise<void> {
  const rows = await api.plane.database.dataSource.query<{ id: string }[]>('SELECT id FROM webhook WHERE tenant_id = $1', [team.id]);
  for (const { id } of rows) await service(DeliverWebhookJob).handle(`${team.id}/${id}`, never);
}

describe('a function\'s policy for asynchronous invocations', () => {
  it('gives what invocations do not say themselves', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200));
    const at = `${team.path}/functions/orders/async-policy`;
    expect((await team.developer.get(at)).body).toMatchObject({ status: 404, code: 'ASYNC_POLICY_NOT_FOUND' });
    expect(await accept(team, 'orders')).toMatchObject({ maxAttempts: 3, destination: null });
    const written = await team.developer.put(at, { maxAttempts: 7, maxAgeSeconds: 120 });
    expect([written.status, written.body]).toEqual([200, expect.objectContaining({ function: 'orders', maxAttempts: 7, maxAgeSeconds: 120, onSuccess: null, onFailure: null, status: { onSuccess: null, onFailure: null } })]);
    const accepted = await accept(team, 'orders');
    expect(accepted.maxAttempts).toBe(7);
    expect(Date.parse(accepted.expiresAt as string) - Date.parse(accepted.createdAt as string)).toBeLessThanOrEqual(120_100);
    expect(await accept(team, 'orders', '?maxAttempts=2')).toMatchObject({ maxAttempts: 2 });
    expect((await team.developer.put(at, { maxAttempts: 8 }, { headers: { 'if-match': '"x-1"' } })).status).toBe(412);
    expect((await team.developer.delete(at, { headers: { 'if-match': written.headers.get('etag')! } })).status).toBe(204);
    expect(await accept(team, 'orders')).toMatchObject({ maxAttempts: 3 });
  });

  it('refuses destinations that are none', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200));
    const put = async (body: object) => (await team.developer.put(`${team.path}/functions/orders/async-policy`, body)).body as object;
    expect(await put({ onSuccess: {} })).toMatchObject({ status: 422, code: 'ASYNC_DESTINATION_INVALID', errors: [{ pointer: '/onSuccess' }] });
    expect(await put({ onSuccess: { function: 'orders', webhook: { url: receiver.url() } } })).toMatchObject({ code: 'ASYNC_DESTINATION_INVALID' });
    expect(await put({ onFailure: { function: 'nobody' } })).toMatchObject({ status: 422, code: 'ASYNC_DESTINATION_INVALID', errors: [{ pointer: '/onFailure/function' }] });
    expect(await put({ onFailure: { webhook: { url: 'http://169.254.169.254/' } } })).toMatchObject({ status: 422, code: 'OUTBOUND_ADDRESS_CLOSED', errors: [{ pointer: '/onFailure/webhook/url' }] });
  });

  it('is the same over GraphQL', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200));
    const set = async (policy: object) => {
      const { body } = await team.developer.graphql('mutation($input: SetAsyncPolicyInput!) { setAsyncPolicy(input: $input) { asyncPolicy { function maxAttempts onSuccess { function webhook { url } } status { onSuccess { state } } etag } onSuccessSecret onFailureSecret userErrors { code field } } }', { input: { tenant: team.name, function: 'orders', policy } });
      return body.data.setAsyncPolicy as Record<string, unknown>;
    };
    expect(await set({ maxAttempts: 4, onSuccess: { webhook: { url: receiver.url() } } })).toMatchObject({
      asyncPolicy: { function: 'orders', maxAttempts: 4, onSuccess: { function: null, webhook: { url: receiver.url() } }, status: { onSuccess: { state: 'ACTIVE' } } }, onSuccessSecret: expect.stringMatching(/^whsec_/) as string, onFailureSecret: null, userErrors: [],
    });
    expect(await set({ onSuccess: { function: 'nobody' } })).toMatchObject({ asyncPolicy: null, userErrors: [{ code: 'ASYNC_DESTINATION_INVALID', field: ['input', 'policy', 'onSuccess', 'function'] }] });
    const { body } = await team.developer.graphql(`{ asyncPolicy(tenant: "${team.name}", function: "orders") { maxAttempts } }`);
    expect(body).toMatchObject({ data: { asyncPolicy: { maxAttempts: 4 } } });
    const gone = await team.developer.graphql('mutation($input: DeleteAsyncPolicyInput!) { deleteAsyncPolicy(input: $input) { asyncPolicy { maxAttempts } userErrors { code } } }', { input: { tenant: team.name, function: 'orders' } });
    expect(gone.body).toMatchObject({ data: { deleteAsyncPolicy: { asyncPolicy: { maxAttempts: 4 }, userErrors: [] } } });
    expect(await api.plane.database.dataSource.query('SELECT id FROM webhook WHERE tenant_id = $1', [team.id])).toEqual([]);
  });
});

describe('where an invocation ends', () => {
  it('is another function, in the same transaction: with a record of what became of it', async () => {
    const team = await newTeam();
    const pod = await deploy(team, 'orders', answering(201, '{"paid":true}'));
    const [mail, alarm] = [await deploy(team, 'mail', answering(204)), await deploy(team, 'alarm', answering(204))];
    await team.developer.put(`${team.path}/functions/orders/async-policy`, { onSuccess: { function: 'mail' }, onFailure: { function: 'alarm' }, maxAttempts: 1 });
    const { id } = await accept(team, 'orders');
    await run(team, id);
    const { destination } = await look(team, id);
    expect(destination).toEqual({ invocation: expect.any(String) as string, event: null, error: null });
    await run(team, destination!.invocation!);
    expect(mail.requests).toMatchObject([{ method: 'POST', url: '/', headers: { 'content-type': 'application/json', 'x-request-id': destination!.invocation } }]);
    expect(await look(team, destination!.invocation!)).toMatchObject({ state: 'succeeded', function: 'mail', principal: expect.stringMatching(/^user:/) as string, destination: null });
    const [{ body }] = await api.plane.database.dataSource.query<{ body: Buffer }[]>('SELECT body FROM async_invocation WHERE id = $1', [destination!.invocation]) as [{ body: Buffer }];
    expect(JSON.parse(body.toString())).toEqual({ requestId: id, function: 'orders', revision: 1, outcome: 'succeeded', status: 201, attempts: 1, error: null, answer: { contentType: 'application/json', body: '{"paid":true}' } });

    pod.handler = answering(500, 'broken', 'text/plain');
    const failing = await accept(team, 'orders');
    await run(team, failing.id);
    await run(team, (await look(team, failing.id)).destination!.invocation!);
    expect(alarm.requests).toHaveLength(1);
    const { items } = (await team.developer.get(`${team.path}/events?type=async-invocation.failed`)).body as { items: object[] };
    expect(items).toMatchObject([{ subject: `async-invocations/${failing.id}`, data: { function: 'orders', code: 'FUNCTION_ERROR', status: 500, attempts: 1 } }]);
    // It expires before it was tried: that is told, too.
    const late = await accept(team, 'orders');
    await api.plane.database.dataSource.query(`UPDATE async_invocation SET expires_at = clock_timestamp() WHERE id = $1`, [late.id]);
    await run(team, late.id);
    expect(await look(team, late.id)).toMatchObject({ error: { code: 'ASYNC_EXPIRED' }, destination: { invocation: expect.any(String) as string } });
  });

  it('is told where it is gone, and undoes nothing', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200));
    await deploy(team, 'mail', answering(204));
    await team.developer.put(`${team.path}/functions/orders/async-policy`, { onSuccess: { function: 'mail' } });
    await api.plane.database.dataSource.query(`DELETE FROM function WHERE tenant_id = $1 AND name = 'mail'`, [team.id]);
    const { id } = await accept(team, 'orders');
    expect(await run(team, id)).toEqual({ again: 'never' });
    expect(await look(team, id)).toMatchObject({ state: 'succeeded', destination: { invocation: null, error: { code: 'FUNCTION_NOT_FOUND' } } });
  });

  it('goes in no circle for long', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200));
    await team.developer.put(`${team.path}/functions/orders/async-policy`, { onSuccess: { function: 'orders' }, onFailure: { function: 'orders' } });
    let next: string | null | undefined = (await accept(team, 'orders')).id;
    const seen: Record<string, unknown>[] = [];
    while (next && seen.length < 50) {
      await run(team, next);
      const found = await look(team, next);
      seen.push(found);
      next = found.destination?.invocation;
    }
    expect(seen).toHaveLength(MOST_HOPS + 2);
    expect(seen.slice(0, -1).every(({ state }) => state === 'succeeded')).toBe(true);
    expect(seen.at(-1)).toMatchObject({ state: 'failed', attempts: 0, error: { code: 'ASYNC_TOO_MANY_HOPS' }, destination: null });
  });

  it('is an address, by a signed request of its own secret; none is sent twice for a run that was overtaken', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200, 'fine', 'text/plain'));
    const at = `${team.path}/functions/orders/async-policy`;
    const written = (await team.developer.put(at, { onSuccess: { webhook: { url: receiver.url('/ok') } }, onFailure: { webhook: { url: receiver.url('/bad') } } })).body as { onSuccessSecret: string; onFailureSecret: string };
    const secrets = { success: written.onSuccessSecret, failure: written.onFailureSecret };
    const again = (await team.developer.put(at, { onSuccess: { webhook: { url: receiver.url('/new') } }, onFailure: { webhook: { url: receiver.url('/bad') } } })).body as object;
    expect(again).not.toHaveProperty('onSuccessSecret');
    const { id } = await accept(team, 'orders');
    await run(team, id);
    await run(team, id);
    const { destination } = await look(team, id);
    await deliver(team);
    expect(receiver.requests.map(({ path }) => path)).toEqual(['/new']);
    expect(receiver.requests[0]).toMatchObject({ headers: { 'webhook-id': destination!.event }, event: { type: 'dev.fnplane.async-invocation.succeeded.v1', subject: `async-invocations/${id}`, data: { requestId: id, outcome: 'succeeded', answer: { contentType: 'text/plain', body: 'fine' } } } });
    expect(signersOf(receiver.requests[0]!, secrets)).toEqual(['success']);
    expect((await team.developer.get(at)).body).toMatchObject({ status: { onSuccess: { state: 'active', lastDelivery: { delivered: true, eventId: destination!.event } } } });
    // It is no webhook of the tenant's, and its events are in no list.
    expect((await api.operator.get(`${team.path}/webhooks`)).body.items).toEqual([]);
    expect((await team.developer.get(`${team.path}/events/${destination!.event!}`)).status).toBe(404);
    expect(((await team.developer.get(`${team.path}/events`)).body.items as { type: string }[]).filter(({ type }) => type.startsWith('async'))).toEqual([]);
    await service(Database).statement(tenantJobContext('tests', team), 'DELETE FROM function WHERE tenant_id = $1', [team.id]);
    expect(await api.plane.database.dataSource.query('SELECT id FROM webhook WHERE tenant_id = $1', [team.id])).toEqual([]);
  });

  it('is left alone by who may not deploy', async () => {
    const team = await newTeam();
    await deploy(team, 'orders', answering(200));
    const subject = randomName('viewer');
    await api.operator.post(`${team.path}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'viewer' });
    const viewer = await api.person(subject);
    expect((await viewer.put(`${team.path}/functions/orders/async-policy`, {})).status).toBe(403);
    expect((await viewer.get(`${team.path}/functions/${randomUUID()}/async-policy`)).body).toMatchObject({ status: 404, code: 'FUNCTION_NOT_FOUND' });
  });
});
