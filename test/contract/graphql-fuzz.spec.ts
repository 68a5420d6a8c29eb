import { GraphQLSchemaHost } from '@nestjs/graphql';
import { buildClientSchema, getIntrospectionQuery, type GraphQLSchema, type IntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { Chance } from '../support/contract/chance.js';
import { furnishTenant, type FurnishedTenant } from '../support/contract/furnished.js';
import { ArgumentFuzzer, fuzzedDocument, ODD_REQUESTS, type FuzzRequest } from '../support/contract/graphql-fuzz.js';
import { operationsOf } from '../support/contract/graphql-operations.js';

/** Another one is tried with FNPLANE_FUZZ_SEED. */
const SEED = Number(process.env.FNPLANE_FUZZ_SEED ?? 20_261_125);
const ROUNDS = 12;
/** What the inside of a program looks like. */
const INSIDE = /\n\s+at |node_modules|\.(ts|js):\d+|QueryFailedError|DriverError|violates|invalid input syntax|SQLSTATE|ECONNREFUSED|stacktrace/;
const INTERNAL = /^INTERNAL/;

/** Documents and variables made from the schema, right and wrong ones: whatever comes, the server neither breaks nor shows its inside. */
describe('GraphQL with bad input', () => {
  let api: TestApi;
  let schema: GraphQLSchema;
  let tenant: FurnishedTenant;

  beforeAll(async () => {
    api = await startApi({ FNPLANE_GATEWAY_URL: 'http://127.0.0.1:9' });
    ({ schema } = api.plane.app.get(GraphQLSchemaHost, { strict: false }));
    tenant = await furnishTenant({ operator: api.operator, person: api.person, database: api.plane.database }, 'fuzzed');
  }, 120_000);
  afterAll(() => api.stop());

  /** Null where all is well, else what is wrong. */
  function wrong({ status, body }: HttpAnswer): string | null {
    const text = Buffer.isBuffer(body) ? body.toString() : JSON.stringify(body);
    const codes = ((body as { errors?: { extensions?: { code?: string } }[] } | null)?.errors ?? []).map((error) => error.extensions?.code ?? 'NONE');
    if (status >= 500) return `HTTP ${status} ${text.slice(0, 500)}`;
    if (codes.some((code) => INTERNAL.test(code))) return `${codes.join()} ${text.slice(0, 500)}`;
    const errors = JSON.stringify((body as { errors?: unknown } | null)?.errors ?? []);
    return INSIDE.test(errors) ? `shows its inside: ${errors.slice(0, 500)}` : null;
  }

  const ask = (client: HttpClient, request: unknown): Promise<HttpAnswer> => client.post('/graphql', request);

  it(`never breaks on operations with generated arguments (seed ${SEED})`, async () => {
    const chance = new Chance(SEED);
    // A tenant that is deleted or suspended would answer the same to everything.
    const spares = Array.from({ length: ROUNDS }, () => randomName('spare'));
    for (const name of spares) await api.operator.post('/v1/tenants', { name });
    const fuzzer = new ArgumentFuzzer(chance, [tenant.functionName, tenant.functionId, tenant.secret, tenant.config, tenant.digest, 'standard', 'handler.handle', 'UTC', 'tests']);
    const good = new Set<string>();
    const found: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const operation of operationsOf(schema)) {
        const ends = ['deleteTenant', 'suspendTenant'].includes(operation.field.name);
        const request: FuzzRequest = { query: fuzzedDocument(chance, schema, operation), variables: fuzzer.argumentsOf(operation, ends ? spares[round]! : tenant.name) };
        const answer = await ask(chance.is(0.6) ? api.operator : tenant.owner, request);
        const problem = wrong(answer);
        if (problem) found.push(`${operation.label}: ${problem}\n  ${JSON.stringify(request).slice(0, 3_000)}`);
        if (answer.body.errors === undefined && (answer.body.data?.[operation.field.name]?.userErrors ?? []).length === 0) good.add(operation.label);
      }
    }
    expect(found.join('\n')).toBe('');
    const share = good.size / operationsOf(schema).length;
    console.log(`${good.size} of ${operationsOf(schema).length} operations did what they are for at least once`);
    expect(share, 'operations that did what they are for at least once').toBeGreaterThan(0.5);
  }, 120_000);

  it('answers what is no operation as a wrong request', async () => {
    for (const request of ODD_REQUESTS) {
      const answer = await ask(api.operator, request);
      expect.soft(wrong(answer), JSON.stringify(request).slice(0, 200)).toBeNull();
      expect.soft(answer.status, JSON.stringify(request).slice(0, 200)).toBeLessThan(500);
    }
  });

  it('answers what is no GraphQL over HTTP as a wrong request', async () => {
    const json = { 'content-type': 'application/json' };
    const answers = [
      await api.operator.get('/graphql'), await api.operator.get('/graphql?query=%7B__typename%7D'), await api.operator.get('/graphql?query=%7B__typename%7D', { headers: json }), await api.operator.delete('/graphql'), await api.operator.put('/graphql', {}),
      await api.operator.post('/graphql', [{ query: '{ __typename }' }]), await api.operator.post('/graphql', 'null', { headers: json }), await api.operator.post('/graphql', '"x"', { headers: json }), await api.operator.post('/graphql', '', { headers: json }),
      await api.operator.post('/graphql', '{ __typename }', { headers: { 'content-type': 'application/graphql' } }), await api.operator.post('/graphql', 'query=x', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
      await api.operator.post('/graphql', `{"query":"{ __typename }","variables":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`, { headers: json }), await api.operator.send('POST', '/graphql'),
    ];
    for (const [index, answer] of answers.entries()) {
      expect.soft([index, wrong(answer)]).toEqual([index, null]);
      expect.soft([index, answer.status >= 400 && answer.status < 500]).toEqual([index, index !== 2 ? true : answer.status >= 400]);
    }
  });

  it('keeps no text that cannot be kept', async () => {
    const put = 'mutation($input: PutConfigSetInput!) { putConfigSet(input: $input) { configSet { name } userErrors { code } } }';
    for (const text of ['a\0', '\ud800']) {
      for (const input of [{ tenant: tenant.name, name: text, data: {} }, { tenant: tenant.name, name: 'set', data: { A: text } }, { tenant: tenant.name, name: 'set', data: { [text]: 'a' } }, { tenant: text, name: 'set', data: {} }]) {
        const { body } = await tenant.owner.graphql(put, { input });
        expect.soft([JSON.stringify(input), (body.errors?.[0]?.extensions.code ?? body.data.putConfigSet.userErrors[0].code) as string]).toEqual([JSON.stringify(input), expect.stringMatching(/VALIDATION_FAILED|CONFIGURATION_INVALID|TENANT_NOT_FOUND/)]);
      }
      for (const query of [`{ function(tenant: "${tenant.name}", function: ${JSON.stringify(text)}) { name } }`, `{ member(tenant: "${tenant.name}", member: ${JSON.stringify(text)}) { role } }`]) {
        expect.soft((await tenant.owner.graphql(query)).body.errors[0].extensions.code).toMatch(/VALIDATION_FAILED|NOT_FOUND|GRAPHQL_PARSE_FAILED/);
      }
    }
  });

  it('is described by its own introspection as it is', async () => {
    const { body } = await api.operator.graphql(getIntrospectionQuery());
    expect(operationsOf(buildClientSchema(body.data as IntrospectionQuery)).map(({ label }) => label).sort()).toEqual(operationsOf(schema).map(({ label }) => label).sort());
  });
});
