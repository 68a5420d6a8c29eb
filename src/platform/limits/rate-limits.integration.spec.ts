import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient, type HttpAnswer } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, testEnvironment, type TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { OwnPostgres } from '../../../test/support/own-postgres.js';
import { createTestDatabase } from '../../../test/support/postgres.js';
import { mintToken } from '../../../test/support/tokens.js';
import { buildControlPlane, closeControlPlane, type ControlPlane } from '../../roles/control-plane.js';
import { loadConfig } from '../config/config.js';
import { systemContext } from '../context/context.js';
import { registry } from '../observability/metrics.js';
import { SharedBuckets } from './shared-buckets.js';

const OFF = { FNPLANE_API_RATE: '0', FNPLANE_API_TENANT_RATE: '0', FNPLANE_API_UNAUTHENTICATED_RATE: '0' };

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const api of started.splice(0)) await api.stop();
});

async function start(settings: Record<string, string>): Promise<TestApi> {
  const api = await startApi({ ...OFF, ...settings });
  started.push(api);
  return api;
}

async function repeat(times: number, ask: (index: number) => Promise<HttpAnswer>): Promise<number[]> {
  const statuses: number[] = [];
  for (let index = 0; index < times; index++) statuses.push((await ask(index)).status);
  return statuses;
}

const count = (statuses: readonly number[], status: number): number => statuses.filter((seen) => seen === status).length;
const standing = (answer: HttpAnswer, name: string): { r: number; t: number } => {
  const match = new RegExp(`"${name}";r=(\\d+);t=(\\d+)`).exec(answer.headers.get('ratelimit') ?? '');
  return { r: Number(match?.[1]), t: Number(match?.[2]) };
};

async function metric(name: string, labels: Record<string, string>): Promise<number> {
  const found = (await registry.getSingleMetric(name)!.get()).values.filter((value) => Object.entries(labels).every(([label, text]) => (value.labels as Record<string, string>)[label] === text));
  return found.reduce((sum, { value }) => sum + value, 0);
}

async function tenantWith(api: TestApi, members: readonly string[]): Promise<string> {
  const name = randomName('team');
  expect((await api.operator.post('/v1/tenants', { name })).status).toBe(202);
  for (const subject of members) expect((await api.operator.post(`/v1/tenants/${name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'owner' })).status).toBe(201);
  return name;
}

describe('the limit of a principal', () => {
  it('is told on every answer, and refuses with a problem that says when to come back', async () => {
    const api = await start({ FNPLANE_API_RATE: '2:6' });
    const person = await api.person();
    const first = await person.get('/v1/me');
    expect(first.status).toBe(200);
    expect(first.headers.get('ratelimit-policy')).toBe('"principal";q=6;w=3');
    expect(standing(first, 'principal')).toEqual({ r: 5, t: 1 });
    const hidden = await person.get('/v1/tenants/no-such-team');
    expect([hidden.status, standing(hidden, 'principal').r]).toEqual([404, 4]);
    const answers: HttpAnswer[] = [];
    for (let i = 0; i < 12; i++) answers.push(await person.get('/v1/me'));
    const refused = answers.at(-1)!;
    expect(refused.status).toBe(429);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.body).toMatchObject({ status: 429, code: 'RATE_LIMITED', retryable: true, details: { limit: 'principal' }, requestId: refused.headers.get('x-request-id') });
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('ratelimit-policy')).toBe('"principal";q=6;w=3');
    expect(standing(refused, 'principal').r).toBe(0);
    // Another person has a bucket of his own; and this one's fills again.
    expect((await (await api.person()).get('/v1/me')).status).toBe(200);
    await eventually(async () => expect((await person.get('/v1/me')).status).toBe(200), { withinMs: 10_000, everyMs: 300 });
  });

  it('is one for REST and GraphQL, where it refuses before anything is executed', async () => {
    const api = await start({ FNPLANE_API_RATE: '0.1:6' });
    const person = await api.person();
    const asked = await person.graphql('{ viewer { subject } }');
    expect([asked.status, asked.headers.get('ratelimit-policy'), standing(asked, 'principal').r]).toEqual([200, '"principal";q=6;w=60', 5]);
    expect(asked.body.extensions.cost).toEqual({ requested: expect.any(Number), tokens: 1, limit: 100_000 });
    await repeat(5, () => person.get('/v1/me'));
    const refused = await person.graphql('{ viewer { subject } }');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1);
    expect(refused.body).not.toHaveProperty('data');
    expect(refused.body.errors).toEqual([{
      message: expect.stringContaining('try again in'),
      extensions: { code: 'RATE_LIMITED', kind: 'rate-limited', retryable: true, retryAfterSeconds: Number(refused.headers.get('retry-after')), requestId: refused.headers.get('x-request-id'), details: { limit: 'principal' } },
    }]);
    expect((await person.send('POST', '/graphql', { body: { query: '{ viewer { subject } }' }, headers: { accept: 'application/graphql-response+json' } })).headers.get('content-type')).toContain('application/graphql-response+json');
  });

  it('takes of an operation what it may cost, mutations and big pages more', async () => {
    const api = await start({ FNPLANE_API_RATE: '0.1:100' });
    const person = await api.person();
    const left = async (ask: Promise<HttpAnswer>): Promise<[number, number]> => {
      const answer = await ask;
      expect(answer.status).toBe(200);
      return [standing(answer, 'principal').r, answer.body.extensions.cost.tokens];
    };
    expect(await left(person.graphql('{ viewer { subject } }'))).toEqual([99, 1]);
    const [afterPage, tokens] = await left(person.graphql('query($n: Int!) { tenants(first: $n) { nodes { name functions(first: 20) { nodes { name } } } } }', { n: 50 }));
    expect(tokens).toBe(Math.ceil((250 + 100 + 50 * (1 + 1 + 100 + 20 * 2)) / 1_000));
    expect(afterPage).toBe(99 - tokens);
    const create = 'mutation($i: CreateTenantInput!) { a: createTenant(input: $i) { userErrors { code } } b: createTenant(input: $i) { userErrors { code } } }';
    expect(await left(person.graphql(create, { i: { tenant: { name: randomName('team') } } }))).toEqual([afterPage - 3, 3]);
    const dear = await person.graphql('{ tenants(first: 500) { nodes { functions(first: 500) { nodes { name } } } } }');
    expect(dear.status).toBe(400);
    expect(dear.body.errors[0].extensions).toMatchObject({ code: 'QUERY_TOO_EXPENSIVE', details: { cost: 250 + 100 + 500 * (1 + 100 + 500 * 2), limit: 100_000 } });
    const broken = await person.graphql('{ nothing }');
    expect([broken.status, standing(broken, 'principal').r]).toEqual([400, afterPage - 3 - 2]);
  });

  it('holds for API keys, each its own', async () => {
    const api = await start({ FNPLANE_API_RATE: '0.1:8' });
    const tenant = await tenantWith(api, []);
    const created = await Promise.all(['a', 'b'].map((name) => api.operator.post(`/v1/tenants/${tenant}/api-keys`, { name, role: 'viewer' })));
    const [a, b] = created.map(({ body }) => api.client(body.key as string));
    expect(count(await repeat(12, () => a!.get(`/v1/tenants/${tenant}`)), 200)).toBe(8);
    expect((await b!.get(`/v1/tenants/${tenant}`)).status).toBe(200);
  });

  it('costs a busy caller a statement for fifty requests', async () => {
    const api = await start({ FNPLANE_API_RATE: '10000:10000' });
    const person = await api.person();
    const before = await metric('fnplane_api_rate_leases_total', { limit: 'principal' });
    const admitted = await metric('fnplane_api_limited_requests_total', { limit: 'principal', outcome: 'admitted' });
    for (let round = 0; round < 25; round++) expect(count(await Promise.all(Array.from({ length: 20 }, async () => (await person.get('/v1/me')).status)), 200)).toBe(20);
    expect(await metric('fnplane_api_limited_requests_total', { limit: 'principal', outcome: 'admitted' }) - admitted).toBe(500);
    expect(await metric('fnplane_api_rate_leases_total', { limit: 'principal' }) - before).toBeLessThanOrEqual(500 / 50);
  });
});

describe('the limit of a tenant', () => {
  it('is shared by its users, told beside their own, and not used up by those who run the platform', async () => {
    const api = await start({ FNPLANE_API_RATE: '1:1000', FNPLANE_API_TENANT_RATE: '0.1:20' });
    const tenant = await tenantWith(api, ['ann', 'bob']);
    const [ann, bob] = [await api.person('ann'), await api.person('bob')];
    const first = await ann.get(`/v1/tenants/${tenant}`);
    expect(first.headers.get('ratelimit-policy')).toBe('"principal";q=1000;w=1000, "tenant";q=20;w=200');
    expect([standing(first, 'principal').r, standing(first, 'tenant').r]).toEqual([999, 19]);
    expect(count(await repeat(12, () => ann.get(`/v1/tenants/${tenant}`)), 200)).toBe(12);
    const inGraphql = await bob.graphql('query($t: String!) { tenant(tenant: $t) { name } functions(tenant: $t) { nodes { name } } }', { t: tenant });
    expect([inGraphql.status, standing(inGraphql, 'tenant').r]).toEqual([200, 6]);
    expect(count(await repeat(12, () => bob.get(`/v1/tenants/${tenant}`)), 200)).toBe(6);
    const refused = await ann.get(`/v1/tenants/${tenant}`);
    expect([refused.status, refused.body.details]).toEqual([429, { limit: 'tenant' }]);
    const query = await ann.graphql('query($t: String!) { tenant(tenant: $t) { name } }', { t: tenant });
    expect([query.status, query.body.errors[0].extensions.details]).toEqual([429, { limit: 'tenant' }]);
    expect((await ann.get('/v1/me')).status).toBe(200);
    expect((await api.operator.get(`/v1/tenants/${tenant}`)).status).toBe(200);
    // A stranger learns nothing: neither that it is there nor that it is busy.
    const stranger = await api.person();
    expect((await stranger.get(`/v1/tenants/${tenant}`)).status).toBe(404);
    expect((await stranger.graphql('query($t: String!) { tenant(tenant: $t) { name } }', { t: tenant })).body.errors[0].extensions.code).toBe('TENANT_NOT_FOUND');
  });
});

describe('requests without a good credential', () => {
  const guess = (client: HttpClient, headers: Record<string, string> = {}): Promise<HttpAnswer> => client.get('/v1/me', { headers: { 'x-api-key': `fnp_${randomName('x')}`, ...headers } });

  it('are refused before they are looked up, once an address has tried a few', async () => {
    const api = await start({ FNPLANE_API_UNAUTHENTICATED_RATE: '0.1:6' });
    const known = await api.person();
    expect((await known.get('/v1/me')).status).toBe(200);
    expect(await repeat(9, () => guess(api.client()))).toEqual([...Array<number>(6).fill(401), 429, 429, 429]);
    const refused = await guess(api.client());
    expect(refused.body).toMatchObject({ code: 'RATE_LIMITED', details: { limit: 'address' }, requestId: refused.headers.get('x-request-id') });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1);
    const query = await api.client().graphql('{ __typename }');
    expect([query.status, query.body.errors[0].extensions.code]).toEqual([429, 'RATE_LIMITED']);
    // Who was let in lately is let in still, and nobody chooses his address by a header.
    expect((await known.get('/v1/me')).status).toBe(200);
    expect((await guess(api.client(), { 'x-forwarded-for': '192.0.2.1' })).status).toBe(429);
  });

  it('are told apart by address behind trusted proxies', async () => {
    const api = await start({ FNPLANE_API_UNAUTHENTICATED_RATE: '0.1:3', FNPLANE_TRUSTED_PROXIES: '127.0.0.0/8, ::1' });
    expect(await repeat(5, () => guess(api.client(), { 'x-forwarded-for': '192.0.2.1' }))).toEqual([401, 401, 401, 429, 429]);
    expect((await guess(api.client(), { 'x-forwarded-for': '192.0.2.2' })).status).toBe(401);
    // What the client itself wrote before the proxy added its address does not count.
    expect((await guess(api.client(), { 'x-forwarded-for': '192.0.2.77, 192.0.2.1' })).status).toBe(429);
  });

  it('in GraphQL are looked up once, however many fields ask', async () => {
    const api = await start({ FNPLANE_API_UNAUTHENTICATED_RATE: '0.1:2' });
    const client = api.client(`fnp_${'x'.repeat(20)}`);
    const query = `{ ${Array.from({ length: 15 }, (_, index) => `a${index}: viewer { subject }`).join(' ')} }`;
    const answer = await client.graphql(query);
    expect(answer.body.errors.map((error: { extensions: { code: string } }) => error.extensions.code)).toContain('UNAUTHENTICATED');
    expect((await client.graphql(query)).status).not.toBe(429);
    expect((await client.graphql(query)).status).toBe(429);
  });
});

describe('many replicas on one database', () => {
  const planes: ControlPlane[] = [];
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let urls: string[];
  beforeAll(async () => {
    database = await createTestDatabase();
    const config = loadConfig(testEnvironment(database.url, { ...OFF, FNPLANE_API_RATE: '40:100' }));
    for (let replica = 0; replica < 4; replica++) {
      const plane = await buildControlPlane(config);
      await plane.http!.listen(0, '127.0.0.1');
      planes.push(plane);
    }
    urls = await Promise.all(planes.map((plane) => plane.http!.getUrl()));
  });
  afterAll(async () => {
    await Promise.all(planes.map(closeControlPlane));
    await database.drop();
  });

  it('admit together what the bucket holds and what flows in, no more and hardly less', async () => {
    const token = await mintToken();
    const statuses: number[] = [];
    const begun = performance.now();
    const before = await admittedAlone();
    await Promise.all(urls.flatMap((url) => Array.from({ length: 3 }, async () => {
      const client = new HttpClient(url, token);
      while (performance.now() - begun < 4_000) statuses.push((await client.get('/v1/me')).status);
    })));
    const bound = 100 + 40 * ((performance.now() - begun) / 1000);
    expect(count(statuses, 200) + count(statuses, 429)).toBe(statuses.length);
    expect(count(statuses, 429)).toBeGreaterThan(0);
    // Where this machine kept Postgres' answer back for a moment, replicas stood alone as they shall: those are beside the shared bucket.
    expect(count(statuses, 200) - (await admittedAlone() - before)).toBeLessThanOrEqual(bound);
    expect(count(statuses, 200)).toBeGreaterThanOrEqual(0.8 * bound);
  });

  async function admittedAlone(): Promise<number> {
    const { values } = await registry.getSingleMetric('fnplane_api_limited_requests_total')!.get();
    return values.filter(({ labels }) => labels.outcome === 'alone').reduce((sum, { value }) => sum + value, 0);
  }

  it('sweep the buckets that are full again, and those only', async () => {
    const buckets = new SharedBuckets(planes[0]!.database);
    await buckets.take('principal:quick', { perSecond: 1_000_000, burst: 10 }, { need: 1, want: 1 });
    await buckets.take('principal:slow', { perSecond: 0.001, burst: 10 }, { need: 1, want: 10 });
    const keys = async (): Promise<string[]> => (await planes[0]!.database.statement<{ key: string }>(systemContext('test'), 'SELECT key FROM rate_bucket')).map(({ key }) => key);
    await eventually(async () => {
      await buckets.sweep();
      const left = await keys();
      expect(left).not.toContain('principal:quick');
      expect(left).toContain('principal:slow');
    }, { withinMs: 10_000 });
    expect(await buckets.take('principal:slow', { perSecond: 0.001, burst: 10 }, { need: 1, want: 10 })).toMatchObject({ tokens: 0 });
  });

  it('draw from a bucket exactly, however many ask at once', async () => {
    const rate = { perSecond: 0.001, burst: 1_000 };
    const stores = planes.map((plane) => new SharedBuckets(plane.database));
    const grants = await Promise.all(Array.from({ length: 200 }, (_, index) => stores[index % stores.length]!.take('principal:crowd', rate, { need: 3, want: 7 })));
    expect(grants.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(1_000);
    expect(grants.every(({ tokens }) => tokens === 0 || (tokens >= 3 && tokens <= 7))).toBe(true);
  });
});

describe('the limits without their database', () => {
  it('hold for the process alone while the buckets are slow', async () => {
    const api = await start({ FNPLANE_API_RATE: '0.1:20' });
    const person = await api.person();
    const locker = new Client({ connectionString: api.config.DATABASE_URL });
    await locker.connect();
    try {
      await locker.query('BEGIN; LOCK TABLE rate_bucket IN ACCESS EXCLUSIVE MODE');
      const failed = await metric('fnplane_api_rate_leases_total', { limit: 'principal', result: 'failed' });
      const begun = performance.now();
      const statuses = await repeat(30, () => person.get('/v1/me'));
      expect([count(statuses, 200), count(statuses, 429)]).toEqual([20, 10]);
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(await metric('fnplane_api_rate_leases_total', { limit: 'principal', result: 'failed' })).toBeGreaterThan(failed);
    } finally {
      await locker.query('ROLLBACK');
      await locker.end();
    }
    // Asked again, the shared bucket is full: it was not drawn from.
    await eventually(async () => expect((await person.get('/v1/me')).status).toBe(200), { withinMs: 20_000, everyMs: 300 });
  });

  it('let requests that need no database through while Postgres is away', async () => {
    const postgres = await OwnPostgres.start();
    const plane = await buildControlPlane(loadConfig(testEnvironment(postgres.url, { ...OFF, FNPLANE_API_RATE: '0.1:15' })));
    try {
      await plane.http!.listen(0, '127.0.0.1');
      await postgres.interrupt();
      const person = new HttpClient(await plane.http!.getUrl(), await mintToken());
      const statuses = await repeat(25, () => person.get('/v1/me'));
      expect([count(statuses, 200), count(statuses, 429)]).toEqual([15, 10]);
    } finally {
      await closeControlPlane(plane);
      await postgres.stop();
    }
  });
});
