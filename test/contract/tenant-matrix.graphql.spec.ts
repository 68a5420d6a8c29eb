import { GraphQLSchemaHost } from '@nestjs/graphql';
import type { GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../deploy/local/http-client.ts';
import { decodeGlobalId, encodeGlobalId } from '../../src/platform/graphql/global-id.js';
import { startApi, type TestApi } from '../support/api.js';
import { comparable, leaks } from '../support/contract/comparable.js';
import { furnishTenant, type FurnishedTenant } from '../support/contract/furnished.js';
import { argumentsOf, documentOf, isNode, nodesIn, operationsOf, referencesOf, selectionOf, withValue, type GraphqlOperation, type Reference } from '../support/contract/graphql-operations.js';
import { isDistinctive, missingLike } from '../support/contract/missing.js';
import { identities, rowSums } from '../support/contract/row-sums.js';

/** Argument names that are not called like the type they name. */
const ALIASES = { config: 'ConfigSet', archive: 'Code', invitation: 'Invitation', event: 'PlatformEvent' };
/** Of the platform: the tenant narrows what its staff sees. */
const FILTERS_BY_TENANT = ['Query.platformAuditEntries'];
/** Without things of their own: nothing can be named by them. */
const TENANTLESS = new Set(['Cluster', 'Plan']);

/** As the REST matrix: every query and mutation of the schema, asked by members of `b` with the words of `a`. */
describe('the GraphQL API between two tenants', () => {
  let api: TestApi;
  let schema: GraphQLSchema;
  let a: FurnishedTenant;
  let b: FurnishedTenant;
  let words: Record<'a' | 'b', Map<string, string[]>>;
  let secrets: Set<string>;
  let before: Record<string, string>;

  beforeAll(async () => {
    // Documents here ask for all that can be asked for.
    api = await startApi({ FNPLANE_GRAPHQL_MAX_COST: '10000000' });
    const served = { operator: api.operator, person: api.person, database: api.plane.database };
    [a, b] = [await furnishTenant(served, 'alpha'), await furnishTenant(served, 'bravo')];
    ({ schema } = api.plane.app.get(GraphQLSchemaHost, { strict: false }));
    words = { a: await wordsOf(a), b: await wordsOf(b) };
    const shared = await identities(api.config.DATABASE_URL!, b.id);
    secrets = new Set([...(await identities(api.config.DATABASE_URL!, a.id))].filter((word) => !shared.has(word)));
    before = await rowSums(api.config.DATABASE_URL!, a.id);
  }, 120_000);
  afterAll(() => api.stop());

  /** Names, UUIDs and global ids of one thing of each type, as its own tenant sees them. */
  async function wordsOf(tenant: FurnishedTenant): Promise<Map<string, string[]>> {
    const seen = await tenant.owner.graphql(`query($tenant: String!) { tenant(tenant: $tenant) ${selectionOf(schema, schema.getType('Tenant')!)} }`, { tenant: tenant.name });
    expect(seen.body.errors, 'the owner may read all of its tenant').toBeUndefined();
    const operations = await tenant.owner.graphql(`query($tenant: String!) { operations(tenant: $tenant) ${selectionOf(schema, schema.getType('OperationConnection')!)} }`, { tenant: tenant.name });
    const accepted = await tenant.owner.graphql(`query($tenant: String!) { asyncInvocations(tenant: $tenant) ${selectionOf(schema, schema.getType('AsyncInvocationConnection')!)} }`, { tenant: tenant.name });
    const scheduled = await tenant.owner.graphql(`query($tenant: String!) { cronTriggers(tenant: $tenant) ${selectionOf(schema, schema.getType('CronTriggerConnection')!)} }`, { tenant: tenant.name });
    const consumed = await tenant.owner.graphql(`query($tenant: String!) { kafkaTriggers(tenant: $tenant) ${selectionOf(schema, schema.getType('KafkaTriggerConnection')!)} }`, { tenant: tenant.name });
    const found = [...nodesIn([seen.body.data, operations.body.data, accepted.body.data, scheduled.body.data, consumed.body.data])].map(([type, [first]]): [string, string[]] => [type, [first!.name, first!.uuid, first!.id].filter((word) => typeof word === 'string')]);
    return new Map<string, string[]>([...found, ['Code', [tenant.digest]]]);
  }

  const operations = (): GraphqlOperation[] => operationsOf(schema);
  const references = (operation: GraphqlOperation): Reference[] => referencesOf(schema, operation, ALIASES);
  const ofTenant = (operation: GraphqlOperation): boolean => references(operation).some(({ type }) => type === 'Tenant');
  const has = (operation: GraphqlOperation, name: string): boolean => JSON.stringify(operation.field.args.map(({ type }) => String(type))).includes('Input') && 'input' === operation.field.args[0]?.name
    && name in ((schema.getType(String(operation.field.args[0].type).replace('!', '')) as unknown as { getFields(): object }).getFields());

  /** The operation's arguments, every required reference to an own thing of `side`. @throws where nothing of that type is known. */
  function ownArguments(operation: GraphqlOperation, side: 'a' | 'b'): Record<string, unknown> {
    let args = argumentsOf(schema, operation);
    for (const { path, type } of references(operation)) {
      const required = valueAt(args, path) !== undefined;
      const known = TENANTLESS.has(type) ? ['standard'] : words[side].get(type);
      if (required && !known) throw new Error(`${operation.label}: no example of ${type} for ${path.join('.')}; furnish the tenants with one`);
      if (required) args = withValue(args, path, known![0]);
    }
    return args;
  }

  function valueAt(args: unknown, path: readonly string[]): unknown {
    return path.reduce((value: unknown, name) => (value as Record<string, unknown> | undefined)?.[name], args);
  }

  const preview = (operation: GraphqlOperation, args: Record<string, unknown>): Record<string, unknown> => (has(operation, 'validateOnly') ? withValue(args, ['input', 'validateOnly'], true) : args);

  async function expectAlike(operation: GraphqlOperation, foreign: Record<string, unknown>, missing: Record<string, unknown>, sent: { foreign: string[]; missing: string[] }): Promise<HttpAnswer[]> {
    const answers: HttpAnswer[] = [];
    for (const [who, client] of [['a person', b.owner], ['a key', b.key]] as const) {
      const document = documentOf(schema, operation);
      const [seen, reference] = [await client.graphql(document, foreign), await client.graphql(document, missing)];
      const of = `${operation.label} ${JSON.stringify(foreign)}`;
      expect.soft({ of, who, ...comparable(seen, sent.foreign) }).toEqual({ of, who, ...comparable(reference, sent.missing) });
      expect.soft(leaks(seen, secrets, sent.foreign), `${operation.label}, asked by ${who} of another tenant, tells words of the first`).toEqual([]);
      answers.push(seen);
    }
    return answers;
  }

  it('has an example for every operation, which its own tenant may send', async () => {
    for (const operation of operations().filter(ofTenant)) {
      const { body } = await b.owner.graphql(documentOf(schema, operation), preview(operation, ownArguments(operation, 'b')));
      const problems = [...((body.errors ?? []) as { extensions: { code: string } }[]).map(({ extensions }) => extensions.code), ...((body.data?.[operation.field.name]?.userErrors ?? []) as { code: string }[]).map(({ code }) => code)];
      // For the platform's operators only; in use by the function; the only version of its secret; nothing runs functions here, so that no rollout has come far and no invocation has ended.
      const expected = problems.every((code) => /^PERMISSION_DENIED$|_IN_USE$|_CURRENT$|^GATEWAY_|^LAST_OWNER|^ROLLOUT_|^ROLLBACK_|^ASYNC_(INVOCATION_NOT_FAILED|RESULT_NOT_FOUND)$|UNAVAILABLE/.test(code));
      expect.soft(expected, `${operation.label}: the generated example is answered ${JSON.stringify(body)}; add a better one to EXAMPLES`).toBe(true);
    }
  });

  it('answers for another tenant as for none', async () => {
    for (const operation of operations().filter(ofTenant)) {
      const own = ownArguments(operation, 'a');
      const tenantPath = references(operation).find(({ type }) => type === 'Tenant')!.path;
      for (const tenant of words.a.get('Tenant')!) {
        const missing = missingLike(tenant);
        const [first] = await expectAlike(operation, withValue(own, tenantPath, tenant), withValue(own, tenantPath, missing), { foreign: [tenant], missing: [missing] });
        const code = first!.body.errors?.[0]?.extensions?.code as string | undefined;
        expect.soft([operation.label, code]).toEqual([operation.label, FILTERS_BY_TENANT.includes(operation.label) ? 'PERMISSION_DENIED' : 'TENANT_NOT_FOUND']);
      }
    }
  });

  it.each(['what it would do', 'what it does'])('finds nothing of another tenant under one\'s own: %s', async (how) => {
    let tried = 0;
    const missing = new Map<string, string>();
    for (const operation of operations().filter(ofTenant)) {
      for (const { path, type } of references(operation).filter((reference) => reference.type !== 'Tenant' && !TENANTLESS.has(reference.type))) {
        for (const word of (words.a.get(type) ?? []).filter(isDistinctive)) {
          const other = missing.get(word) ?? missingLike(word);
          missing.set(word, other);
          const own = how === 'what it would do' ? preview(operation, ownArguments(operation, 'b')) : ownArguments(operation, 'b');
          await expectAlike(operation, withValue(own, path, word), withValue(own, path, other), { foreign: [word], missing: [other] });
          tried += 1;
        }
      }
    }
    expect(tried).toBeGreaterThan(25);
  });

  it('finds each thing again by its global id', async () => {
    const types = Object.keys(schema.getTypeMap()).filter((type) => isNode(schema, type));
    expect(types.length).toBeGreaterThanOrEqual(10);
    const plans = await b.owner.graphql('{ plans { nodes { __typename id name } } }');
    const clusters = await api.operator.graphql('{ clusters { nodes { __typename id uuid name } } }');
    const own = new Map([...words.b, ['Plan', [plans.body.data.plans.nodes[0].id]], ['Cluster', [clusters.body.data.clusters.nodes[0].id]]]);
    for (const type of types) {
      const id = own.get(type)?.at(-1);
      expect.soft(id, `no example of ${type}: furnish the tenants with one`).toBeDefined();
      const client = type === 'Cluster' ? api.operator : b.owner;
      const { body } = await client.graphql(`query($id: ID!) { node(id: $id) { __typename id ... on ${type} ${selectionOf(schema, schema.getType(type)!, 2)} } nodes(ids: [$id, $id]) { __typename id } }`, { id });
      // The same thing, with its own fields: the global id alone could be an echo.
      for (const word of own.get(type)!) expect.soft(JSON.stringify(body), `${type} is another one than it was`).toContain(word);
      expect.soft([type, body.errors, body.data?.node?.__typename, body.data?.node?.id, body.data?.nodes]).toEqual([type, undefined, type, id, [{ __typename: type, id }, { __typename: type, id }]]);
    }
  });

  it('gives nothing for global ids of another tenant, as for ids of nothing', async () => {
    const document = `query($id: ID!) { node(id: $id) { __typename id } nodes(ids: [$id]) { __typename id } }`;
    for (const [type, known] of words.a) {
      if (!isNode(schema, type)) continue;
      const foreign = decodeGlobalId(known.at(-1)!);
      const ids = [known.at(-1)!, encodeGlobalId(type, b.id, foreign.id), encodeGlobalId(type, a.name, foreign.id), encodeGlobalId(type, missingLike(a.id), foreign.id), encodeGlobalId(type, b.id, missingLike(foreign.id)), encodeGlobalId('Nothing', b.id, foreign.id)];
      for (const id of type === 'Placement' ? ids.filter((_, index) => index !== 1) : ids) {
        for (const client of [b.owner, b.key]) {
          const { data, errors } = (await client.graphql(document, { id })).body as { data: unknown; errors?: unknown };
          expect.soft([type, decodeGlobalId(id), data, errors]).toEqual([type, decodeGlobalId(id), { node: null, nodes: [null] }, undefined]);
        }
      }
    }
  });

  it('takes no id that this API never gave, and no more than a hundred', async () => {
    for (const id of ['', 'x', 'U2VjcmV0', '\0', Buffer.from('Secret:a:b:c').toString('base64url'), 'A'.repeat(500)]) {
      expect((await b.owner.graphql('query($id: ID!) { node(id: $id) { id } }', { id })).body.errors?.[0]?.extensions.code).toMatch(/NODE_ID_INVALID|VALIDATION_FAILED/);
    }
    const ids = Array.from({ length: 101 }, () => words.b.get('Tenant')!.at(-1));
    expect((await b.owner.graphql('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids })).body.errors[0].extensions.code).toBe('VALIDATION_FAILED');
  });

  it('leaves the other tenant as it was', async () => {
    expect(await rowSums(api.config.DATABASE_URL!, a.id)).toEqual(before);
  });
});
