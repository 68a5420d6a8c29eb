import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpAnswer, type HttpOptions } from '../../deploy/local/http-client.ts';
import { leftovers } from '../support/leftovers.js';
import { tenantNamespace } from '../../src/contract/names.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { conditionOf, sharedPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, python, readyFunction } from '../support/tenant-functions.js';
import { mintToken, testIssuer } from '../support/tokens.js';

/** The promises: what is granted works, and what is taken away no longer does, within these times. */
const GRANTED_WITHIN_MS = 10_000;
const REVOKED_WITHIN_MS = 5_000;

const ECHO = `def handle(event, context):
    return {"headers": dict(event["headers"]), "request": context.request_id, "trace": context.traceparent, "tenant": context.tenant}
`;

describe('the way to a function', () => {
  let platform: TestPlatform;
  let gateway: HttpClient;
  const shop = randomName('shop');
  const rival = randomName('rival');
  const keys: Record<string, { id: string; key: string }> = {};

  beforeAll(async () => {
    platform = await sharedPlatform();
    gateway = new HttpClient(platform.gateway);
    await Promise.all([shop, rival].map(async (tenant) => {
      await platform.tenant(tenant);
      await Promise.all([deploy(platform, tenant, python('echo', ECHO)), tenant === shop ? deploy(platform, tenant, python('open', ECHO, { authentication: 'none' })) : undefined]);
      keys[tenant] = await createKey(tenant, 'first');
      await eventually(async () => expect((await call(`/${tenant}/echo`, { key: keys[tenant]!.key })).status).toBe(200), { withinMs: GRANTED_WITHIN_MS });
    }));
  });
  afterAll(() => platform?.stop());

  async function createKey(tenant: string, name: string, more: Record<string, unknown> = {}): Promise<{ id: string; key: string }> {
    const { status, body } = await platform.operator.post(`/v1/tenants/${tenant}/api-keys`, { name, role: 'developer', ...more });
    expect(status).toBe(201);
    return { id: body.id as string, key: body.key as string };
  }

  function call(path: string, credential: { key?: string; token?: string; headers?: Record<string, string> } = {}): Promise<HttpAnswer> {
    const options: HttpOptions = { headers: { ...(credential.key ? { 'x-api-key': credential.key } : {}), ...credential.headers } };
    return new HttpClient(gateway.url, credential.token).post(path, { hello: 1 }, options);
  }

  /** All that an answer says but for its request id and date: what must not tell one reason from another. */
  function withoutIdentity({ status, headers, body }: HttpAnswer): unknown {
    const names = [...headers.keys()].filter((name) => !['date', 'x-request-id'].includes(name)).sort();
    return { status, headers: names.map((name) => [name, name === 'content-length' ? '' : headers.get(name)]), body: { ...body, requestId: '' } };
  }

  async function suspend(level: string): Promise<void> {
    const path = `/v1/tenants/${rival}`;
    expect((await platform.operator.put(`${path}/suspension`, { level })).status).toBe(202);
  }

  /** How the API answers an invocation of the suspended tenant's function, REST and GraphQL. */
  async function apiCodes(): Promise<(string | undefined)[]> {
    const api = new HttpClient(platform.api, keys[rival]!.key);
    const [rest, graphql] = await Promise.all([
      api.post(`/v1/tenants/${rival}/functions/echo/invocations`, {}),
      api.graphql('mutation($input: InvokeFunctionInput!) { invokeFunction(input: $input) { userErrors { code } } }', { input: { tenant: rival, function: 'echo' } }),
    ]);
    return [rest.body.code as string | undefined, (graphql.body.errors as { extensions: { code: string } }[] | undefined)?.[0]?.extensions.code];
  }

  it('is open to a new API key within 10 s, in either header, and closed 5 s after the key is revoked', async () => {
    const { id, key } = await createKey(shop, randomName('key'));
    await eventually(async () => expect((await call('/' + shop + '/echo', { key })).status).toBe(200), { withinMs: GRANTED_WITHIN_MS });
    expect((await call(`/${shop}/echo`, { token: key })).status).toBe(200);
    expect((await platform.operator.delete(`/v1/tenants/${shop}/api-keys/${id}`)).status).toBe(204);
    await eventually(async () => {
      const answer = await call(`/${shop}/echo`, { key });
      expect([answer.status, answer.body.code]).toEqual([401, 'CREDENTIAL_INVALID']);
    }, { withinMs: REVOKED_WITHIN_MS });
    expect((await new HttpClient(platform.api, key).get(`/v1/tenants/${shop}`)).status).toBe(401);
  });

  it('is open to both credentials of a key while its rotation overlaps, and closed 5 s after an older one has ended', async () => {
    const { id, key } = await createKey(shop, randomName('key'));
    const rotate = async (overlapSeconds: number): Promise<string> => {
      const answer = await platform.operator.post(`/v1/tenants/${shop}/api-keys/${id}/rotation`, { overlapSeconds });
      expect([answer.status, answer.body.id]).toEqual([200, id]);
      return answer.body.key as string;
    };
    const opens = (credential: string): Promise<void> => eventually(async () => expect((await call(`/${shop}/echo`, { key: credential })).status).toBe(200), { withinMs: GRANTED_WITHIN_MS });
    const closes = (credential: string): Promise<void> => eventually(async () => {
      const answer = await call(`/${shop}/echo`, { key: credential });
      expect([answer.status, answer.body.code]).toEqual([401, 'CREDENTIAL_INVALID']);
    }, { withinMs: REVOKED_WITHIN_MS });
    await opens(key);
    const second = await rotate(3_600);
    await opens(second);
    expect((await call(`/${shop}/echo`, { key })).status).toBe(200);
    const third = await rotate(3_600);
    await closes(key);
    await opens(third);
    expect((await call(`/${shop}/echo`, { key: second })).status).toBe(200);
    const last = await rotate(0);
    await Promise.all([closes(second), closes(third)]);
    await opens(last);
  });

  it('is open to a key whose scopes let it invoke and nothing else, and closed to one whose scopes leave that out', async () => {
    const invoker = await createKey(shop, randomName('invoker'), { scopes: ['functions:invoke'] });
    const reader = await createKey(shop, randomName('reader'), { scopes: ['functions:read', 'tenant:read'] });
    await eventually(async () => expect((await call(`/${shop}/echo`, { key: invoker.key })).status).toBe(200), { withinMs: GRANTED_WITHIN_MS });
    expect((await call(`/${shop}/echo`, { key: reader.key })).status).toBe(401);
    expect((await new HttpClient(platform.api, invoker.key).get(`/v1/tenants/${shop}`)).status).toBe(403);
    expect((await new HttpClient(platform.api, reader.key).get(`/v1/tenants/${shop}`)).status).toBe(200);
  });

  it('is closed to a key that may not invoke, and to one that has run out', async () => {
    const viewer = await createKey(shop, randomName('viewer'), { role: 'viewer' });
    const brief = await createKey(shop, randomName('brief'), { expiresAt: new Date(Date.now() + 4_000).toISOString() });
    await eventually(async () => expect((await call(`/${shop}/echo`, { key: brief.key })).status).toBe(200), { withinMs: 3_500 });
    expect((await call(`/${shop}/echo`, { key: viewer.key })).status).toBe(401);
    await eventually(async () => expect((await call(`/${shop}/echo`, { key: brief.key })).status).toBe(401), { withinMs: REVOKED_WITHIN_MS });
  });

  it('is open to a member\'s token, and to nobody who is none', async () => {
    const subject = `member-${randomUUID()}`;
    const token = await mintToken({ subject });
    expect((await call(`/${shop}/echo`, { token })).status).toBe(404);
    const member = await platform.operator.post(`/v1/tenants/${shop}/members`, { issuer: testIssuer().issuer, subject, role: 'developer' });
    expect(member.status).toBe(201);
    await eventually(async () => expect((await call(`/${shop}/echo`, { token })).status).toBe(200), { withinMs: GRANTED_WITHIN_MS });
    expect((await call(`/${rival}/echo`, { token })).status).toBe(404);
    expect((await platform.operator.delete(`/v1/tenants/${shop}/members/${member.body.id}`, { headers: { 'if-match': member.headers.get('etag')! } })).status).toBe(204);
    await eventually(async () => expect((await call(`/${shop}/echo`, { token })).status).toBe(404), { withinMs: REVOKED_WITHIN_MS });
  });

  it('refuses without a credential, and with a forged one', async () => {
    const [none, ...forged] = await Promise.all([
      call(`/${shop}/echo`),
      call(`/${shop}/echo`, { key: `fnp_${randomBytes(6).toString('hex')}_${randomBytes(32).toString('base64url')}` }),
      call(`/${shop}/echo`, { key: keys[shop]!.key.slice(0, -1) + (keys[shop]!.key.endsWith('A') ? 'B' : 'A') }),
      call(`/${shop}/echo`, { token: `${await mintToken()}x` }),
      call(`/${shop}/echo`, { token: await mintToken({ expiresIn: '-1m' }) }),
      call(`/${shop}/echo`, { headers: { 'x-fnplane-internal': 'forged' } }),
    ]);
    expect([none!.status, none!.body.code, none!.headers.get('www-authenticate')]).toEqual([401, 'AUTHENTICATION_REQUIRED', expect.stringMatching(/Bearer/i)]);
    expect(forged.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
  });

  it('tells another tenant\'s caller just what it tells of a function that is not there', async () => {
    const { key } = keys[rival]!;
    const [foreign, missing, nobody] = await Promise.all([call(`/${shop}/echo`, { key }), call(`/${rival}/nothing`, { key }), call(`/${randomName('nobody')}/echo`, { key })]);
    expect([foreign!.status, foreign!.body.code]).toEqual([404, 'FUNCTION_NOT_FOUND']);
    expect(withoutIdentity(foreign!)).toEqual(withoutIdentity(missing!));
    expect(withoutIdentity(nobody!)).toEqual(withoutIdentity(missing!));
    // The API, too.
    const api = new HttpClient(platform.api, key);
    const [theirs, none] = await Promise.all([api.get(`/v1/tenants/${shop}/functions/echo`), api.get(`/v1/tenants/${randomName('nobody')}/functions/echo`)]);
    expect(withoutIdentity(theirs!)).toEqual(withoutIdentity(none!));
    // Without a credential neither of them is told apart.
    const [closed, absent] = await Promise.all([call(`/${shop}/echo`), call(`/${shop}/nothing`)]);
    expect(withoutIdentity(closed!)).toEqual(withoutIdentity(absent!));
  });

  it('is open to anybody where the function asks for no credential', async () => {
    expect((await call(`/${shop}/open`)).status).toBe(200);
    const { body } = await call(`/${shop}/open`, { headers: { 'x-fnplane-deadline': '1', 'x-forwarded-for': '198.51.100.7' } });
    expect(body.headers['x-forwarded-for']).not.toContain('198.51.100.7');
  });

  it('carries the trace and the request id to the function and back, and never the credential', async () => {
    const trace = randomBytes(16).toString('hex');
    const headers = { traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01`, tracestate: 'vendor=value', 'x-request-id': 'order.4711' };
    const { key } = keys[shop]!;
    const answers = await Promise.all([
      call(`/${shop}/echo`, { key, headers }),
      new HttpClient(platform.api, key).post(`/v1/tenants/${shop}/functions/echo/invocations`, {}, { headers }),
    ]);
    for (const answer of answers) {
      expect([answer.status, answer.headers.get('x-request-id')]).toEqual([200, 'order.4711']);
      expect(answer.body).toMatchObject({ request: 'order.4711', tenant: shop });
      expect(answer.body.trace).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
      expect(JSON.stringify(answer.body)).not.toContain(key);
    }
    expect(answers[0]!.body.headers.tracestate).toBe('vendor=value');
    // Ids that would forge log lines are replaced.
    const replaced = await call(`/${shop}/echo`, { key, headers: { 'x-request-id': 'a b"c', traceparent: 'nonsense' } });
    expect([replaced.status, replaced.headers.get('x-request-id')]).toEqual([200, expect.stringMatching(/^[A-Za-z0-9-]{16,64}$/)]);
    expect(replaced.body.trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
  });

  it('is closed while the tenant is suspended, and open again afterwards', async () => {
    const status = async (): Promise<number> => (await call(`/${rival}/echo`, { key: keys[rival]!.key })).status;
    await suspend('writes');
    expect((await platform.operator.put(`/v1/tenants/${rival}/functions/more`, python('more', ECHO))).status).toBe(403);
    expect(await status()).toBe(200);
    await suspend('ingress');
    await eventually(async () => expect(await status()).toBe(403), { withinMs: GRANTED_WITHIN_MS });
    expect((await call(`/${rival}/echo`, { key: keys[rival]!.key })).body.code).toBe('FUNCTION_SUSPENDED');
    expect(await apiCodes()).toEqual(['FUNCTION_SUSPENDED', 'FUNCTION_SUSPENDED']);
    expect((await call(`/${shop}/echo`, { key: keys[shop]!.key })).status).toBe(200);
    await suspend('compute');
    const { id } = (await platform.operator.get(`/v1/tenants/${rival}`)).body as { id: string };
    await eventually(async () => expect((await leftovers(tenantNamespace(id), 'echo')).filter((item) => item.startsWith('Pod '))).toEqual([]), { withinMs: 40_000 });
    expect([403, 503]).toContain(await status());
    expect((await new HttpClient(platform.api, keys[rival]!.key).post(`/v1/tenants/${rival}/functions/echo/invocations`, {})).status).toBeGreaterThanOrEqual(403);
    await eventually(async () => expect(conditionOf((await platform.operator.get(`/v1/tenants/${rival}/functions/echo`)).body, 'Ready')).toMatchObject({ status: 'False', reason: 'Suspended' }), { withinMs: GRANTED_WITHIN_MS });
    await suspend('none');
    await eventually(async () => expect(await status()).toBe(200), { withinMs: 60_000 });
    await readyFunction(platform, rival, 'echo');
    expect(await apiCodes()).toEqual([undefined, undefined]);
  });
});
