import { gzipSync } from 'node:zlib';
import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { mintToken } from '../../../test/support/tokens.js';
import { tenantNamespace } from '../../contract/names.js';
import { GatewayRig, TestTenant, until, type TestPod } from '../../gateway/testing/gateway-rig.js';

const ISSUER = 'https://tests.fnplane.invalid';

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
  name: string;
  tenant: TestTenant;
  developer: HttpClient;
  viewer: HttpClient;
  address(fn: string, query?: string): string;
}

async function newTeam(on: TestApi = api): Promise<Team> {
  const name = randomName('team');
  const { id } = (await on.operator.post('/v1/tenants', { name })).body as { id: string };
  const member = async (role: string): Promise<HttpClient> => {
    const subject = randomName(role);
    await on.operator.post(`/v1/tenants/${name}/members`, { issuer: ISSUER, subject, role });
    return on.person(subject);
  };
  return {
    name, tenant: Object.assign(new TestTenant(name), { id, namespace: tenantNamespace(id) }), developer: await member('developer'), viewer: await member('viewer'),
    address: (fn, query = '') => `/v1/tenants/${name}/functions/${fn}/invocations${query}`,
  };
}

/** Answers with what it was sent. */
const echo: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
    response.setHeader('content-type', request.headers['content-type'] ?? 'application/octet-stream').end(Buffer.concat(chunks));
  });
};

async function deploy(team: Team, handler: RequestListener, fn = 'orders'): Promise<TestPod> {
  const pod = await rig.pod(handler);
  rig.deploy(team.tenant, fn, [pod]);
  return pod;
}

const INVOKE = `mutation($input: InvokeFunctionInput!) { invokeFunction(input: $input) { invocationId status contentType revision errorSource payload body durationMs userErrors { code field message } } }`;

async function invokeOverGraphql(client: HttpClient, input: Record<string, unknown>) {
  const answer = await client.graphql(INVOKE, { input });
  return { errors: answer.body.errors as { extensions: { code: string } }[] | undefined, payload: answer.body.data?.invokeFunction };
}

describe('invocations over REST', () => {
  it('pass a body on byte by byte and answer with the function\'s', async () => {
    const team = await newTeam();
    const pod = await deploy(team, echo);
    const text = '{"b": 1.0,\n "a" : "ä", "big": 12345678901234567890}';
    const answer = await team.developer.post(team.address('orders'), text, { headers: { 'content-type': 'application/json', 'x-request-id': 'asked-7' } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(answer.body).toEqual(JSON.parse(text));
    expect(answer.headers.get('x-fnplane-invocation-id')).toBe('asked-7');
    expect(answer.headers.get('x-fnplane-served-by')).toBe('orders@1');
    expect(pod.requests[0]).toMatchObject({ method: 'POST', url: '/', headers: { 'content-length': String(Buffer.byteLength(text)), 'x-request-id': 'asked-7' } });
  });

  it.each([
    ['bytes', Buffer.from([0, 255, 128, 10]), 'image/png'],
    ['text', Buffer.from('a=1&b=2'), 'application/x-www-form-urlencoded'],
    ['an event', Buffer.from('{"specversion":"1.0"}'), 'application/cloudevents+json'],
    ['many bytes', Buffer.alloc(6 * 1024 * 1024, 7), 'application/octet-stream'],
  ])('take %s of any content type', async (_, body, contentType) => {
    const team = await newTeam();
    let received = Buffer.alloc(0);
    await deploy(team, (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        received = Buffer.concat(chunks);
        response.setHeader('content-type', 'text/plain').end(request.headers['content-type']);
      });
    });
    const answer = await team.developer.post(team.address('orders'), body, { headers: { 'content-type': contentType } });
    expect([answer.status, (answer.body as Buffer).toString()]).toEqual([200, contentType]);
    expect(received.equals(body)).toBe(true);
  });

  it('choose path, query and method', async () => {
    const team = await newTeam();
    const pod = await deploy(team, (_request, response) => response.end());
    const answer = await team.developer.post(team.address('orders', `?method=GET&path=${encodeURIComponent('/items/7?full=1&x=%20')}`));
    expect(answer.status).toBe(200);
    expect(pod.requests[0]).toMatchObject({ method: 'GET', url: '/items/7?full=1&x=%20' });
  });

  it('pass on what is meant for the function and no credential', async () => {
    const team = await newTeam();
    const pod = await deploy(team, (_request, response) => response.end());
    const headers = { 'idempotency-key': 'k-1', 'x-order': '7', 'ce-type': 'paid', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', cookie: 'session=1', 'x-forwarded-for': '6.6.6.6', 'x-fnplane-internal': 'forged' };
    for (let repeat = 0; repeat < 2; repeat++) expect((await team.developer.post(team.address('orders'), '{}', { headers: { ...headers, 'content-type': 'application/json' } })).status).toBe(200);
    // Invocations are never replayed by the platform: the key is the function's to honour.
    expect(pod.requests).toHaveLength(2);
    const seen = pod.requests[0]!.headers;
    expect(seen).toMatchObject({ 'idempotency-key': 'k-1', 'x-order': '7', 'ce-type': 'paid', traceparent: headers.traceparent });
    expect(seen['x-forwarded-for']).not.toContain('6.6.6.6');
    for (const name of ['authorization', 'cookie', 'x-api-key', 'x-fnplane-internal']) expect(seen).not.toHaveProperty(name);
  });

  it('answer 200 for every success and say what it was', async () => {
    const team = await newTeam();
    await deploy(team, (_request, response) => response.writeHead(201, { 'content-type': 'text/html', 'set-cookie': 'a=b', 'content-encoding': 'gzip' }).end(gzipSync('<p>made</p>')));
    const answer = await team.developer.post(team.address('orders'));
    expect([answer.status, answer.headers.get('x-fnplane-function-status'), (answer.body as Buffer).toString()]).toEqual([200, '201', '<p>made</p>']);
    expect(answer.headers.get('set-cookie')).toBeNull();
    expect(answer.headers.get('content-security-policy')).toContain('sandbox');
    await deploy(team, (_request, response) => response.writeHead(302, { location: 'https://other.example/' }).end(), 'moved');
    const moved = await team.developer.post(team.address('moved'));
    expect([moved.status, moved.headers.get('x-fnplane-function-status'), moved.headers.get('location')]).toEqual([200, '302', null]);
  });

  it.each([
    ['handler', { 'x-fnplane-error-source': 'handler' }, 500, 'handler'],
    ['platform', { 'x-fnplane-error-source': 'platform' }, 504, 'platform'],
    ['an image that says nothing', {}, 404, 'handler'],
    ['an image that imitates a refusal', { 'content-type': 'application/problem+json' }, 503, 'handler'],
  ])('pass error answers of %s through', async (_, headers, status, source) => {
    const team = await newTeam();
    const body = { error: { type: 'ValueError', message: 'no' }, code: 'FUNCTION_NOT_READY', detail: 'x' };
    await deploy(team, (_request, response) => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body)));
    const answer = await team.developer.post(team.address('orders'));
    expect([answer.status, answer.headers.get('x-fnplane-error-source'), answer.headers.get('x-fnplane-served-by')]).toEqual([status, source, 'orders@1']);
    expect(answer.body).toEqual(body);
  });

  it('find the function by name and by id, and tell one that is not there yet from none', async () => {
    const team = await newTeam();
    const made = await team.developer.post(`/v1/tenants/${team.name}/functions`, { name: 'orders', runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return event\n' } } });
    expect(made.status).toBe(202);
    const early = await team.developer.post(team.address('orders'));
    expect([early.status, early.body.code, early.headers.get('retry-after')]).toEqual([503, 'FUNCTION_NOT_READY', '2']);
    await deploy(team, echo);
    expect((await team.developer.post(team.address('orders'))).status).toBe(200);
    expect((await team.developer.post(team.address(made.body.id as string))).headers.get('x-fnplane-served-by')).toBe('orders@1');
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: made.body.id as string })).payload).toMatchObject({ status: 200 });
    expect((await team.developer.post(team.address('00000000-0000-4000-8000-000000000000'))).body).toMatchObject({ status: 404, code: 'FUNCTION_NOT_FOUND' });
    await team.developer.delete(`/v1/tenants/${team.name}/functions/orders`);
    rig.sink.removeFunction(team.tenant.namespace, 'orders');
    expect((await team.developer.post(team.address('orders'))).body).toMatchObject({ status: 404, code: 'FUNCTION_NOT_FOUND' });
  });

  it.each([
    ['?path=items', '?path'], [`?path=${encodeURIComponent('/../other')}`, '?path'], [`?path=${encodeURIComponent('/a%2f..%2f')}`, '?path'], ['?method=TRACE', '?method'], ['?colour=red', '?colour'], ['?validateOnly=true', '?validateOnly'],
  ])('refuse %s with a pointer', async (query, pointer) => {
    const team = await newTeam();
    const pod = await deploy(team, echo);
    const refused = await team.developer.post(team.address('orders', query));
    expect([refused.status, refused.body.errors[0].pointer]).toEqual([422, pointer]);
    expect(pod.requests).toEqual([]);
  });

  it('refuse bodies that are too large or no JSON', async () => {
    const team = await newTeam();
    const pod = await deploy(team, echo);
    const large = await team.developer.post(team.address('orders'), Buffer.alloc(6 * 1024 * 1024 + 1), { headers: { 'content-type': 'image/png' } });
    expect([large.status, large.body.code]).toEqual([413, 'INVOCATION_TOO_LARGE']);
    const broken = await team.developer.post(team.address('orders'), '{"a":', { headers: { 'content-type': 'application/json' } });
    expect([broken.status, broken.body.code]).toEqual([400, 'JSON_INVALID']);
    expect(pod.requests).toEqual([]);
  });

  it('need functions:invoke, in the tenant whose function it is', async () => {
    const [team, other] = [await newTeam(), await newTeam()];
    const pod = await deploy(team, echo);
    expect((await team.viewer.post(team.address('orders'))).status).toBe(403);
    expect((await api.client(await mintToken({ roles: ['operator'] })).post(team.address('orders'))).status).toBe(403);
    expect((await other.developer.post(team.address('orders'))).status).toBe(404);
    expect((await other.developer.post(other.address('orders'))).body).toMatchObject({ status: 404, code: 'FUNCTION_NOT_FOUND' });
    expect((await other.developer.post(other.address(encodeURIComponent(`../${team.name}/orders`)))).status).toBe(404);
    expect((await api.client().post(team.address('orders'))).status).toBe(401);
    expect(pod.requests).toEqual([]);
  });
});

describe('invocations over GraphQL', () => {
  it('send a JSON payload and answer with one', async () => {
    const team = await newTeam();
    const pod = await deploy(team, echo);
    const payload = { order: 7, lines: [{ sku: 'ä', price: 1.5 }], constructor: 'kept', prototype: { x: null } };
    const { payload: answer } = await invokeOverGraphql(team.developer, { tenant: team.name, function: 'orders', payload });
    expect(answer).toMatchObject({ status: 200, contentType: 'application/json', revision: 1, errorSource: null, body: null, userErrors: [] });
    expect(JSON.stringify(answer.payload)).toBe(JSON.stringify(payload));
    expect(answer.invocationId).toBe(pod.requests[0]!.headers['x-request-id']);
    expect(answer.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('choose path, method and header fields, and pass the idempotency key on', async () => {
    const team = await newTeam();
    const pod = await deploy(team, echo);
    await invokeOverGraphql(team.developer, { tenant: team.name, function: 'orders', method: 'PUT', path: '/items?x=1', headers: { 'X-Order': '7', 'Content-Type': 'application/cloudevents+json' }, payload: null, idempotencyKey: 'k-1' });
    expect(pod.requests[0]).toMatchObject({ method: 'PUT', url: '/items?x=1', headers: { 'x-order': '7', 'content-type': 'application/cloudevents+json', 'idempotency-key': 'k-1', 'content-length': '4' } });
    await invokeOverGraphql(team.developer, { tenant: team.name, function: 'orders' });
    expect(pod.requests[1]).toMatchObject({ method: 'POST', url: '/', headers: { 'content-length': '0' } });
    expect(pod.requests[1]!.headers).not.toHaveProperty('content-type');
  });

  it('give bodies that are no JSON as base64', async () => {
    const team = await newTeam();
    const bytes = Buffer.from([0, 1, 255]);
    await deploy(team, (_request, response) => response.writeHead(200, { 'content-type': 'image/png' }).end(bytes), 'image');
    await deploy(team, (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{broken'), 'liar');
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: 'image' })).payload).toMatchObject({ contentType: 'image/png', payload: null, body: bytes.toString('base64') });
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: 'liar' })).payload).toMatchObject({ payload: null, body: Buffer.from('{broken').toString('base64') });
  });

  it('answer with the function\'s own errors as with any answer', async () => {
    const team = await newTeam();
    await deploy(team, (_request, response) => response.writeHead(500, { 'content-type': 'application/json', 'x-fnplane-error-source': 'handler' }).end('{"error":{"type":"E","message":"no"}}'));
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: 'orders' })).payload).toMatchObject({ status: 500, errorSource: 'HANDLER', payload: { error: { type: 'E' } }, userErrors: [] });
  });

  it('put what the caller can set right into userErrors', async () => {
    const team = await newTeam();
    const pod = await deploy(team, echo);
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: 'none' })).payload).toMatchObject({ status: null, userErrors: [{ code: 'FUNCTION_NOT_FOUND', field: null }] });
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: 'orders', path: 'x', headers: { Host: 'a', 'x-ok': '1' } })).payload.userErrors).toMatchObject([
      { code: 'INVOCATION_INVALID', field: ['input', 'path'] }, { code: 'INVOCATION_INVALID', field: ['input', 'headers', 'Host'] },
    ]);
    expect((await invokeOverGraphql(team.viewer, { tenant: team.name, function: 'orders' })).errors?.[0]?.extensions.code).toBe('PERMISSION_DENIED');
    expect(pod.requests).toEqual([]);
  });
});

describe('what stands between the API and the function', () => {
  it('is a problem with the gateway\'s code', async () => {
    const team = await newTeam();
    rig.deploy(team.tenant, 'frozen', [], { suspension: 'ingress' });
    const frozen = await team.developer.post(team.address('frozen'));
    expect([frozen.status, frozen.body.code, frozen.headers.get('x-fnplane-served-by')]).toEqual([403, 'FUNCTION_SUSPENDED', null]);

    const pod = await rig.pod((request) => request.socket.destroy());
    rig.deploy(team.tenant, 'dying', [pod]);
    const lost = await team.developer.post(team.address('dying'), '{}', { headers: { 'content-type': 'application/json' } });
    expect([lost.status, lost.body.code, lost.body.retryable]).toEqual([502, 'FUNCTION_CONNECTION_LOST', true]);
    expect(pod.requests).toHaveLength(1);

    rig.sink.upsertAccess(team.tenant.accessList({ rateLimit: { perSecond: 1, burst: 1 } }));
    await deploy(team, echo, 'busy');
    const answers = [await team.developer.post(team.address('busy')), await team.developer.post(team.address('busy'))];
    expect(answers.map((answer) => answer.status)).toEqual([200, 429]);
    expect(answers[1]!.body.code).toBe('RATE_LIMITED');
    expect(Number(answers[1]!.headers.get('retry-after'))).toBeGreaterThan(0);
    rig.sink.removeAccess(team.tenant.id);
    expect((await invokeOverGraphql(team.developer, { tenant: team.name, function: 'frozen' })).errors?.[0]?.extensions.code).toBe('FUNCTION_SUSPENDED');
  });

  it('is told apart from slow functions', async () => {
    const team = await newTeam();
    const pod = await rig.pod(() => undefined);
    rig.deploy(team.tenant, 'slow', [pod], {}, { timeoutSeconds: 0.05 });
    const late = await team.developer.post(team.address('slow'));
    expect([late.status, late.body.code]).toEqual([504, 'FUNCTION_TIMEOUT']);
  });

  it('ends the function\'s request when the caller leaves', async () => {
    const team = await newTeam();
    let closed = false;
    const pod = await rig.pod((request) => void request.socket.once('close', () => {
      closed = true;
    }));
    rig.deploy(team.tenant, 'slow', [pod], {}, { timeoutSeconds: 30 });
    const caller = new AbortController();
    const pending = fetch(new URL(team.address('slow'), api.url), { method: 'POST', headers: { authorization: `Bearer ${team.developer.token!}` }, signal: caller.signal });
    await until(() => pod.requests.length === 1);
    caller.abort();
    await expect(pending).rejects.toThrow();
    await until(() => closed);
  });

  it('is refused too large an answer instead of kept in memory', async () => {
    const team = await newTeam();
    await deploy(team, (_request, response) => response.end(Buffer.alloc(6 * 1024 * 1024 + 1)));
    const answer = await team.developer.post(team.address('orders'));
    expect([answer.status, answer.body.code]).toEqual([502, 'INVOCATION_RESPONSE_TOO_LARGE']);
  });

  it('is our fault, not the caller\'s, when gateway and API do not share a secret', async () => {
    const mistaken = await startApi({ FNPLANE_GATEWAY_URL: rig.url });
    try {
      const team = await newTeam(mistaken);
      const pod = await deploy(team, echo);
      const answer = await team.developer.post(team.address('orders'));
      expect([answer.status, answer.body.code]).toEqual([503, 'GATEWAY_UNAVAILABLE']);
      expect(pod.requests).toEqual([]);
    } finally {
      await mistaken.stop();
    }
  });

  it('may be away', async () => {
    const closed = await new GatewayRig().start();
    const { url, secret } = closed;
    await closed.stop();
    const alone = await startApi({ FNPLANE_GATEWAY_URL: url, FNPLANE_INTERNAL_SECRET: secret });
    try {
      const team = await newTeam(alone);
      const answer = await team.developer.post(team.address('orders'));
      expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([503, 'GATEWAY_UNAVAILABLE', '2']);
    } finally {
      await alone.stop();
    }
  });
});
