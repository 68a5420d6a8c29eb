import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverAudits, type AuditResult } from 'graphql-http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { mintToken } from '../../../test/support/tokens.js';

const PREFLIGHT = { 'apollo-require-preflight': 'true' };
const get = (client: HttpClient, parameters: Record<string, string>, headers: Record<string, string> = PREFLIGHT): Promise<HttpAnswer> => client.get(`/graphql?${new URLSearchParams(parameters)}`, { headers });
const codeOf = (answer: HttpAnswer): string => answer.body.errors?.[0]?.extensions?.code;

const started: TestApi[] = [];
afterEach(async () => {
  for (const api of started.splice(0)) await api.stop();
});

async function start(settings: Record<string, string>): Promise<TestApi> {
  const api = await startApi(settings);
  started.push(api);
  return api;
}

describe('GraphQL over HTTP', () => {
  let api: TestApi;
  let person: HttpClient;
  beforeAll(async () => {
    api = await startApi();
    person = await api.person();
  });
  afterAll(() => api.stop());

  it('passes the audits of the specification', async () => {
    const authorization = `Bearer ${await mintToken()}`;
    const fetchFn = (url: string, options: RequestInit = {}): Promise<Response> => fetch(url, { ...options, headers: { ...PREFLIGHT, authorization, ...(options.headers as Record<string, string> | undefined) } });
    const results: AuditResult[] = [];
    for (const audit of serverAudits({ url: `${api.url}/graphql`, fetchFn })) results.push(await audit.fn());
    const failed = results.filter((result) => result.status !== 'ok');
    console.log(`graphql-http audits: ${results.length - failed.length} of ${results.length} pass${failed.map((result) => `\n  ${result.id} ${result.name}: ${'reason' in result ? result.reason : ''}`).join('')}`);
    expect(results.length).toBeGreaterThan(60);
    expect(results.filter(({ name }) => name.startsWith('MUST')).length).toBeGreaterThan(10);
    expect(failed.filter(({ name }) => name.startsWith('MUST'))).toEqual([]);
    // What a client of application/json has always got from Apollo: 400, with the errors in the body, for a document that is refused.
    expect(failed.filter(({ name }) => name.startsWith('SHOULD')).map(({ id }) => id).sort()).toEqual(['572B', '7B9B', 'FDE2']);
  });

  it('answers what cannot be read in GraphQL\'s own form', async () => {
    const json = { 'content-type': 'application/json' };
    const send = (body: string | Uint8Array, headers: Record<string, string>): Promise<HttpAnswer> => person.send('POST', '/graphql', { body, headers });
    for (const [answer, status, code] of [
      [await send('{"query":', json), 400, 'JSON_INVALID'],
      [await send('{"__proto__": {}}', json), 400, 'JSON_INVALID'],
      [await send(Buffer.from([0x22, 0xff, 0x22]), json), 400, 'JSON_INVALID'],
      [await send('query=x', { 'content-type': 'text/plain' }), 415, 'BODY_NOT_JSON'],
      [await send('{}', json), 400, 'BAD_REQUEST'],
      [await send('[]', json), 400, 'BAD_REQUEST'],
      [await send(`{"query":"${'x'.repeat(9 * 1024 * 1024)}"}`, json), 413, 'REQUEST_TOO_LARGE'],
    ] as const) {
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    }
    const asked = await send('{"query":', { ...json, accept: 'application/graphql-response+json' });
    expect(asked.headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8');
    expect(asked.body.errors[0].extensions.requestId).toBe(asked.headers.get('x-request-id'));
  });

  it('reads over GET, changes nothing there, and is not to be used from another site', async () => {
    const read = await get(person, { query: 'query($n: Int) { viewer { subject } plans(first: $n) { nodes { name } } }', variables: '{"n":1}' });
    expect([read.status, read.body.data.plans.nodes.length]).toEqual([200, 1]);
    const name = randomName('team');
    const change = await get(api.operator, { query: `mutation { createTenant(input: {tenant: {name: "${name}"}}) { userErrors { code } } }` });
    expect([change.status, change.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await api.operator.get(`/v1/tenants?name=${name}`)).body.items).toEqual([]);
    expect((await get(person, { query: '{ __typename }' }, {})).status).toBe(400);
    const form = await person.send('POST', '/graphql', { body: 'query={__typename}', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(form.status).toBe(415);
    expect((await get(person, { query: '{ __typename }', variables: '{' })).status).toBe(400);
    expect((await get(person, { query: '{ __typename }' }, { ...PREFLIGHT, accept: 'text/html' })).status).toBe(406);
  });

  it('refuses in no time what would be large', async () => {
    const levels = Array.from({ length: 60 }, (_, level) => `fragment f${level + 1} on Query { ${`...f${level} `.repeat(20)} }`).slice(0, 49).join(' ');
    const laughs = `{ ...f49 } fragment f0 on Query { viewer { subject } } ${levels}`;
    const cyclic = '{ ...F } fragment F on Query { ...G } fragment G on Query { ...F }';
    const deep = `{ tenants { nodes ${'{ functions { nodes { tenant '.repeat(6)} { name } ${'} } }'.repeat(6)} } }`;
    const cases: [string, string][] = [
      [laughs, 'QUERY_TOO_LARGE'], [cyclic, 'GRAPHQL_VALIDATION_FAILED'], [deep, 'QUERY_TOO_DEEP'],
      [`{ ${'viewer { subject } '.repeat(21)} }`, 'QUERY_TOO_LARGE'],
      [`{ viewer { subject ${'@skip(if: false) '.repeat(6)} } }`, 'QUERY_TOO_LARGE'],
      [`{ viewer { subject } } #${'x'.repeat(200_000)}`, 'QUERY_TOO_LARGE'],
      [`{ ${'a '.repeat(6_000)} }`, 'QUERY_TOO_LARGE'],
      [`${'{ a '.repeat(1_600)}${'} '.repeat(1_600)}`, 'QUERY_TOO_DEEP'],
      [`{ tenant(tenant: ${'['.repeat(2_400)}${']'.repeat(2_400)}) { name } }`, 'QUERY_TOO_DEEP'],
    ];
    const before = process.cpuUsage();
    for (const [query, code] of cases) {
      const answer = await person.graphql(query);
      expect([answer.status, codeOf(answer), answer.body.data]).toEqual([400, code, undefined]);
    }
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2_000);
    // The server is none the worse.
    expect((await person.graphql('{ viewer { subject } }')).status).toBe(200);
  });

  it('reads an address in one way only', async () => {
    // Bytes that are no UTF-8: one reader of addresses gives up on the whole value, the other replaces them.
    const sly = `${encodeURIComponent('{ a(b: "')}%ff${encodeURIComponent(`") ${'viewer { subject } '.repeat(21)} }`)}`;
    const answer = await person.get(`/graphql?query=${sly}`, { headers: PREFLIGHT });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'QUERY_TOO_LARGE']);
    expect((await person.get('/graphql?query={__typename}&query={__typename}', { headers: PREFLIGHT })).status).toBe(400);
  });

  it('refuses a Host header that names no host', async () => {
    for (const host of ['[', 'a b']) {
      const { port, hostname } = new URL(api.url);
      const status = await new Promise<number | undefined>((resolve, reject) => {
        request({ hostname, port, path: '/graphql', method: 'POST', headers: { host, 'content-type': 'application/json' } }, (answer) => { answer.resume(); resolve(answer.statusCode); })
          .on('error', reject).end('{"query":"{ __typename }"}');
      });
      expect([host, status]).toEqual([host, 400]);
    }
  });

  it('takes no arrays of operations unless told to', async () => {
    const answer = await person.send('POST', '/graphql', { body: [{ query: '{ __typename }' }] });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'BAD_REQUEST']);
  });

  it('describes itself, to anybody, and helps with misspelt fields', async () => {
    const schema = await api.client().graphql('{ __schema { queryType { name } } }');
    expect(schema.body.data.__schema.queryType.name).toBe('Query');
    expect((await person.graphql('{ viewr { subject } }')).body.errors[0].message).toContain('Did you mean');
  });

  it('keeps no documents that clients leave there', async () => {
    const query = '{ viewer { subject } }';
    const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') };
    const answer = await person.send('POST', '/graphql', { body: { extensions: { persistedQuery } } });
    expect(codeOf(answer)).toBe('PERSISTED_QUERY_NOT_SUPPORTED');
    expect((await person.send('POST', '/graphql', { body: { query } })).status).toBe(200);
  });
});

describe('GraphQL with batches', () => {
  it('takes as many operations as allowed, and charges each', async () => {
    const api = await start({ FNPLANE_GRAPHQL_BATCH: '3', FNPLANE_API_RATE: '0.1:10' });
    const person = await api.person();
    const batch = (size: number): Promise<HttpAnswer> => person.send('POST', '/graphql', { body: Array.from({ length: size }, (_, index) => ({ query: `{ a${index}: viewer { subject } }` })) });
    const answer = await batch(3);
    expect(answer.status).toBe(200);
    expect(answer.body.map((one: { data: object }) => Object.keys(one.data)[0])).toEqual(['a0', 'a1', 'a2']);
    expect(answer.headers.get('ratelimit')).toMatch(/"principal";r=7;/);
    const large = await batch(4);
    expect([large.status, codeOf(large)]).toEqual([400, 'BATCH_TOO_LARGE']);
    await batch(3);
    await batch(3);
    expect((await batch(3)).status).toBe(429);
    const mixed = await person.send('POST', '/graphql', { body: [{ query: `{ ${'viewer { subject } '.repeat(21)} }` }] });
    expect(mixed.status).not.toBe(200);
  });

  it('refuses a batch for one document that is too large', async () => {
    const api = await start({ FNPLANE_GRAPHQL_BATCH: '3' });
    const person = await api.person();
    const answer = await person.send('POST', '/graphql', { body: [{ query: '{ viewer { subject } }' }, { query: `{ ${'viewer { subject } '.repeat(21)} }` }, null] });
    expect([answer.status, codeOf(answer)]).toEqual([400, 'QUERY_TOO_LARGE']);
  });
});

describe('GraphQL that keeps to itself', () => {
  it('tells nothing of its schema', async () => {
    const api = await start({ FNPLANE_GRAPHQL_INTROSPECTION: 'false', FNPLANE_GRAPHQL_SUGGESTIONS: 'false' });
    const person = await api.person();
    for (const query of ['{ __schema { queryType { name } } }', '{ __type(name: "Query") { name } }']) {
      const answer = await person.graphql(query);
      expect([answer.status, answer.body.data]).toEqual([400, undefined]);
    }
    const misspelt = await person.graphql('{ viewr { subject } }');
    expect(misspelt.status).toBe(400);
    expect(misspelt.body.errors[0].message).not.toContain('viewer');
    expect((await person.graphql('{ __typename viewer { subject } }')).status).toBe(200);
  });
});

describe('GraphQL with trusted documents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-trusted-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const WHO = 'query Who { viewer { subject } }';
  const PLANS = 'query Plans($n: Int!) { plans(first: $n) { nodes { name } } }';

  function manifest(...documents: string[]): string {
    const path = join(folder, `${randomName('manifest')}.json`);
    writeFileSync(path, JSON.stringify(Object.fromEntries(documents.map((document) => [sha(document), document]))));
    return path;
  }

  it('executes those, asked for in either way, and no other', async () => {
    const api = await start({ FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS: manifest(WHO, PLANS), FNPLANE_GRAPHQL_BATCH: '2' });
    const person = await api.person('somebody');
    const post = (body: unknown): Promise<HttpAnswer> => person.send('POST', '/graphql', { body });
    const persistedQuery = (text: string): object => ({ persistedQuery: { version: 1, sha256Hash: sha(text) } });
    const who = { viewer: { subject: 'somebody' } };
    for (const answer of [
      await post({ documentId: sha(WHO) }), await post({ documentId: `sha256:${sha(WHO)}` }), await post({ extensions: persistedQuery(WHO) }), await post({ query: WHO, extensions: persistedQuery(WHO) }),
      await get(person, { documentId: `sha256:${sha(WHO)}` }), await get(person, { extensions: JSON.stringify(persistedQuery(WHO)) }),
    ]) expect([answer.status, answer.body.data]).toEqual([200, who]);
    const plans = await post({ documentId: sha(PLANS), variables: { n: 1 } });
    expect([plans.status, plans.body.data.plans.nodes.length, plans.body.extensions.cost.requested]).toEqual([200, 1, 250 + 100 + 2]);
    expect((await get(person, { documentId: sha(PLANS), variables: '{"n":1}' })).body.data.plans.nodes).toHaveLength(1);
    for (const answer of [
      await post({ query: WHO }), await post({ query: '{ viewer { subject } }' }), await post({ documentId: sha('{ other }') }), await post({ documentId: 'custom' }), await post({ documentId: 5 }),
      await post({ query: '{ tenants { nodes { name } } }', extensions: persistedQuery('{ tenants { nodes { name } } }') }), await post({ query: '{ __schema { queryType { name } } }' }),
      await get(person, { query: WHO }), await get(person, { documentId: 'custom' }), await post([{ documentId: sha(WHO) }, { query: WHO }]),
    ]) expect([answer.status, codeOf(answer)]).toEqual([400, 'DOCUMENT_NOT_TRUSTED']);
    // Another text under a trusted hash is not what was trusted.
    const swapped = await post({ query: '{ tenants { nodes { name } } }', extensions: persistedQuery(WHO) });
    expect([swapped.status, swapped.body.data]).toEqual([400, undefined]);
    expect((await post([{ documentId: sha(WHO) }, { documentId: sha(WHO) }])).body).toMatchObject([{ data: who }, { data: who }]);
  });

  it('does not start with documents that its schema does not have', async () => {
    await expect(startApi({ FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS: manifest('{ nothing }') })).rejects.toThrow(/FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS/);
    await expect(startApi({ FNPLANE_GRAPHQL_TRUSTED_DOCUMENTS: join(folder, 'missing.json') })).rejects.toThrow(/ENOENT/);
  });
});
