import { buildSchema, parse, validate, type OperationDefinitionNode } from 'graphql';
import { describe, expect, it } from 'vitest';
import { costOf, tokensFor, type QueryCost } from './query-cost.policy.js';
import { QueryCosts } from './query-costs.js';

const SCHEMA = buildSchema(`
  type Query { tenant(tenant: String!): Tenant!  tenants(first: Int! = 50): Tenants!  viewer: Viewer!  node(id: ID!): Node  lines(first: Int! = 50, tail: Int): Tenants! }
  type Mutation { deploy(input: DeployInput!): Payload! }
  type Subscription { changed(tenant: String!): Tenant! }
  input DeployInput { tenant: String!  name: String }
  type Payload { function: Function  userErrors: [Problem!]! }
  type Problem { code: String! }
  interface Node { id: ID! }
  type Viewer { name: String!  roles: [String!]! }
  type Tenant implements Node { id: ID!  name: String!  conditions: [Condition!]!  functions(first: Int! = 50): Functions! }
  type Condition { type: String!  status: String! }
  type Tenants { nodes: [Tenant!]!  edges: [TenantEdge!]!  pageInfo: PageInfo! }
  type TenantEdge { cursor: String!  node: Tenant! }
  type PageInfo { hasNextPage: Boolean! }
  type Functions { nodes: [Function!]!  pageInfo: PageInfo! }
  type Function implements Node { id: ID!  name: String!  tenant: Tenant! }
`);

function cost(text: string, variables: Record<string, unknown> = {}): QueryCost {
  const document = parse(text);
  expect(validate(SCHEMA, document)).toEqual([]);
  return costOf(SCHEMA, document, document.definitions.find((definition) => definition.kind === 'OperationDefinition')!, variables);
}

describe('the cost of a query', () => {
  it.each([
    ['{ __typename }', {}, 1],
    ['{ viewer { name } }', {}, 250 + 1 + 1],
    ['{ viewer { name roles } }', {}, 250 + 1 + 2],
    ['{ a: viewer { name } b: viewer { name } }', {}, 2 * 252],
    // A list without pages counts as ten.
    ['{ tenant(tenant: "t") { name conditions { type status } } }', {}, 250 + 1 + 1 + 10 * 3],
    // A page: a statement, then what each of its entries costs.
    ['{ tenants { nodes { name } } }', {}, 250 + 100 + 50 * 2],
    ['{ tenants(first: 10) { nodes { name } pageInfo { hasNextPage } } }', {}, 250 + 100 + 10 * 2 + 2],
    ['{ tenants(first: 10) { edges { cursor node { name } } } }', {}, 250 + 100 + 10 * (1 + 1 + 2)],
    ['query($n: Int!) { tenants(first: $n) { nodes { name } } }', { n: 20 }, 250 + 100 + 20 * 2],
    ['query($n: Int! = 7) { tenants(first: $n) { nodes { name } } }', {}, 250 + 100 + 7 * 2],
    ['{ lines(tail: 200) { nodes { name } } }', {}, 250 + 100 + 200 * 2],
    ['query($n: Int) { lines(tail: $n) { nodes { name } } }', { n: 7 }, 250 + 100 + 7 * 2],
    ['{ lines { nodes { name } } }', {}, 250 + 100 + 50 * 2],
    // Pages inside pages multiply.
    ['{ tenants(first: 10) { nodes { functions(first: 20) { nodes { name } } } } }', {}, 250 + 100 + 10 * (1 + 100 + 20 * 2)],
    // Sizes out of range count as the nearest that is not.
    ['{ tenants(first: 100000) { nodes { name } } }', {}, 250 + 100 + 500 * 2],
    ['{ tenants(first: -5) { nodes { name } } }', {}, 250 + 100],
    ['query($n: Int!) { tenants(first: $n) { nodes { name } } }', { n: 'x' }, 250 + 100 + 50 * 2],
    // Fragments count where they are used.
    ['{ tenants(first: 10) { ...P } } fragment P on Tenants { nodes { ...T } } fragment T on Tenant { name }', {}, 250 + 100 + 10 * 2],
    ['{ tenants(first: 10) { nodes { ... on Node { id } ... on Tenant { name } } } }', {}, 250 + 100 + 10 * 3],
    ['{ node(id: "x") { id ... on Tenant { name } ... on Function { name } } }', {}, 250 + 1 + 3],
    ['{ ...R } fragment R on Query { viewer { name } }', {}, 252],
    ['{ tenants(first: 10) @skip(if: true) { nodes { name } } }', {}, 250 + 100 + 10 * 2],
    // Changes are dear, and so is the schema about itself.
    ['mutation { deploy(input: {tenant: "t"}) { function { name } userErrors { code } } }', {}, 1_000 + 1 + 2 + 10 * 2],
    ['subscription { changed(tenant: "t") { name } }', {}, 1_000 + 2],
    ['{ __schema { types { name } } }', {}, 1_000],
    ['{ __type(name: "Query") { name } }', {}, 1_000],
  ])('%s %j', (text, variables, expected) => {
    expect(cost(text, variables).cost).toBe(expected);
  });

  it('is linear in a document whose fragments are not', () => {
    const levels = Array.from({ length: 40 }, (_, level) => `fragment f${level + 1} on Tenant { ${`...f${level} `.repeat(20)} }`).join(' ');
    const before = process.cpuUsage();
    expect(costOf(SCHEMA, ...operationOf(`{ tenant(tenant: "t") { ...f40 } } fragment f0 on Tenant { name } ${levels}`), {}).cost).toBeGreaterThan(1e50);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(100);
  });

  it.each([[0, 1], [1, 1], [1_000, 1], [1_001, 2], [100_000, 100]])('of %d is %d tokens', (given, expected) => {
    expect(tokensFor(given)).toBe(expected);
  });
});

function operationOf(text: string): [ReturnType<typeof parse>, OperationDefinitionNode] {
  const document = parse(text);
  return [document, document.definitions[0] as OperationDefinitionNode];
}

describe('whom a query is charged to', () => {
  it.each([
    ['{ tenant(tenant: "a") { name } viewer { name } }', {}, ['a', undefined]],
    ['query($t: String!) { tenant(tenant: $t) { name } }', { t: 'b' }, ['b']],
    ['query($t: String! = "c") { tenant(tenant: $t) { name } }', {}, ['c']],
    ['mutation { deploy(input: {tenant: "d", name: "x"}) { userErrors { code } } }', {}, ['d']],
    ['mutation($t: String!) { deploy(input: {tenant: $t}) { userErrors { code } } }', { t: 'e' }, ['e']],
    ['mutation($i: DeployInput!) { deploy(input: $i) { userErrors { code } } }', { i: { tenant: 'f', name: 'x' } }, ['f']],
    ['mutation($i: DeployInput!) { deploy(input: $i) { userErrors { code } } }', { i: { tenant: 5 } }, [undefined]],
    ['{ ...R } fragment R on Query { tenant(tenant: "g") { name } }', {}, ['g']],
  ])('%s %j', (text, variables, expected) => {
    expect(cost(text, variables).roots.map((root) => root.tenant)).toEqual(expected);
  });

  it('adds up to the cost', () => {
    const { roots, cost: all } = cost('{ a: tenant(tenant: "a") { name } b: tenant(tenant: "b") { functions { nodes { name } } } }');
    expect(roots.map((root) => root.cost)).toEqual([252, 250 + 1 + 100 + 50 * 2]);
    expect(all).toBe(252 + 451);
  });
});

describe('costs that are remembered', () => {
  it('are worked out once for the variables that decide', () => {
    const costs = new QueryCosts();
    const [document, operation] = operationOf('query($n: Int = 5, $t: String!, $name: String) { tenant(tenant: $t) { name functions(first: $n) { nodes { name } } } }');
    const of = (variables: Record<string, unknown>): QueryCost => costs.of(SCHEMA, document, operation, variables);
    expect(of({ n: 10, t: 'a', name: 'x' })).toBe(of({ n: 10, t: 'a', name: 'y' }));
    expect(of({ n: 11, t: 'a' }).cost).toBe(of({ n: 10, t: 'a' }).cost + 2);
    expect(of({ n: 10, t: 'b' }).roots[0]!.tenant).toBe('b');
    expect(of({ t: 'a' }).cost).toBe(of({ n: 5, t: 'a' }).cost);
    for (let size = 0; size < 200; size++) of({ n: size, t: 'a' });
    expect(of({ n: 10, t: 'a' }).cost).toBe(252 + 100 + 20);
  });

  it('follow the tenant inside an input', () => {
    const costs = new QueryCosts();
    const [document, operation] = operationOf('mutation($i: DeployInput!) { deploy(input: $i) { userErrors { code } } }');
    for (const tenant of ['a', 'b']) expect(costs.of(SCHEMA, document, operation, { i: { tenant } }).roots[0]!.tenant).toBe(tenant);
  });
});
