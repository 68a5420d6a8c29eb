import { getNamedType, getNullableType, isEnumType, isInputObjectType, isListType, isObjectType, isRequiredInputField, type GraphQLInputType, type GraphQLOutputType, type GraphQLSchema } from 'graphql';
import type { Chance } from './chance.js';
import { documentOf, type GraphqlOperation } from './graphql-operations.js';

export interface FuzzRequest {
  query: unknown;
  variables?: unknown;
  operationName?: unknown;
  extensions?: unknown;
}

const NASTY: readonly unknown[] = [
  '', ' ', '\0', 'a\0b', '\ud800', '\udfff\ud800', '💩', 'ﬁ', '\u202e', 'a'.repeat(300), 'a'.repeat(70_000), '../../etc/passwd', "'; DROP TABLE tenant; --", '$1', '%00', '__proto__', 'constructor', 'null', 'NaN',
  '00000000-0000-0000-0000-000000000000', '0000-01-01T00:00:00Z', '9999-12-31T23:59:60Z', '+275760-09-13T00:00:00Z', '2026-02-30T00:00:00Z', '2026-11', '-1', '1e400',
  0, -1, 1, 0.5, 1e308, -1e308, 2_147_483_647, 2_147_483_648, Number.MAX_SAFE_INTEGER, 9_007_199_254_740_993, true, false, null, [], {}, [[]], [null], { a: 1 }, { __proto__x: 1 }, ['a', 1, null], { '': '' }, { 'a\0': 'b' },
];

/** Arguments for an operation: of the right form mostly, with words that exist now and then, and anything at all in places. */
export class ArgumentFuzzer {
  constructor(
    private readonly chance: Chance,
    private readonly words: readonly string[],
  ) {}

  argumentsOf({ field }: GraphqlOperation, tenant: string): Record<string, unknown> {
    const given = field.args.filter(({ type, defaultValue }) => String(type).endsWith('!') && defaultValue === undefined ? !this.chance.is(0.03) : this.chance.is(0.5));
    return Object.fromEntries(given.map(({ name, type }) => [name, this.value(name, type, tenant, 0)]));
  }

  private value(name: string, type: GraphQLInputType, tenant: string, depth: number): unknown {
    if (this.chance.is(0.08)) return this.chance.of(NASTY);
    if (name === 'tenant' && !isInputObjectType(getNullableType(type)) && this.chance.is(0.9)) return tenant;
    const nullable = getNullableType(type);
    if (isListType(nullable)) return Array.from({ length: this.chance.number(4) }, () => this.value(name, nullable.ofType as GraphQLInputType, tenant, depth + 1));
    if (isEnumType(nullable)) return this.chance.of(nullable.getValues()).name;
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields()).filter((field) => isRequiredInputField(field) || this.chance.is(depth > 3 ? 0.1 : 0.45));
      return Object.fromEntries(fields.map((field) => [field.name, this.value(field.name, field.type, tenant, depth + 1)]));
    }
    return this.scalar(String(nullable));
  }

  private scalar(type: string): unknown {
    switch (type) {
      case 'Int':
      case 'Long': return this.chance.of([0, 1, 5, 50, 128, 500, 501, 86_400, -1]);
      case 'Float': return this.chance.next() * 100;
      case 'Boolean': return this.chance.is(0.5);
      case 'DateTime': return new Date(Date.UTC(2020 + this.chance.number(20), this.chance.number(12), 1 + this.chance.number(28))).toISOString();
      case 'StringMap': return Object.fromEntries(Array.from({ length: this.chance.number(4) }, () => [this.chance.of(['A', 'PATH', 'handler.py', 'a/b', '', '0']), this.chance.of(['x', '', 'y'.repeat(100), '\0'])]));
      case 'JSON': return this.chance.of(NASTY);
      default: return this.chance.is(0.6) ? this.chance.of(this.words) : `x${this.chance.number(1_000_000).toString(36)}`;
    }
  }
}

/** A smaller selection of a type, at random. */
function someFields(chance: Chance, type: GraphQLOutputType, depth: number): string {
  const named = getNamedType(type);
  if (!isObjectType(named)) return '';
  const fields = Object.values(named.getFields()).filter((field) => field.args.every((argument) => !String(argument.type).endsWith('!') || argument.defaultValue !== undefined));
  const chosen = fields.filter((field) => chance.is(isObjectType(getNamedType(field.type)) ? 0.3 / (depth + 1) : 0.5));
  const texts = chosen.map((field) => `${chance.is(0.1) ? `alias${chance.number(99)}: ` : ''}${field.name} ${someFields(chance, field.type, depth + 1)}`);
  return `{ __typename ${texts.join(' ')} }`;
}

/** The operation's document with a selection of its own, garbled in one of many ways now and then. */
export function fuzzedDocument(chance: Chance, schema: GraphQLSchema, operation: GraphqlOperation): string {
  const whole = documentOf(schema, operation);
  const head = whole.slice(0, whole.indexOf('{ ', whole.indexOf('{') + 1));
  const selection = isObjectType(getNamedType(operation.field.type)) ? someFields(chance, operation.field.type, 0) : whole.slice(head.length).replace(/ \}$/, '');
  const document = `${head}${selection} }`;
  return chance.is(0.2) ? garbled(chance, document) : document;
}

const INSERTED = [' @skip(if: true)', ' @nothing', ' @include(if: $missing)', ' ...F', ' { nonsense }', '"', '"""', '\\u0000', '\0', '}', '{', '$', ' __schema { types { name } }', ' __type(name: "Tenant") { name }', '#', '💩', ' @skip(if: 5)', ',,,', '(', ' on '];

function garbled(chance: Chance, document: string): string {
  const at = chance.number(document.length);
  switch (chance.number(6)) {
    case 0: return document.slice(0, at);
    case 1: return `${document.slice(0, at)}${chance.of(INSERTED)}${document.slice(at)}`;
    case 2: return document.slice(0, at) + document.slice(at + 1 + chance.number(20));
    case 3: return `${document} fragment F on Tenant { name ...F }`;
    case 4: return `${document} ${document}`;
    default: return document.replace(/\{ /, `{ ${'a: __typename '.repeat(chance.number(80))}`);
  }
}

/** Requests that are no operations at all. */
export const ODD_REQUESTS: readonly FuzzRequest[] = [
  { query: '' }, { query: null }, { query: 5 }, { query: [] }, { query: {} }, { query: '{' }, { query: '}' }, { query: '{ a }'.repeat(1_000) }, { query: '{ __typename }', variables: 'x' }, { query: '{ __typename }', variables: [] },
  { query: '{ __typename }', variables: 5 }, { query: '{ __typename }', operationName: 'missing' }, { query: '{ __typename }', operationName: 5 }, { query: '{ __typename }', operationName: {} }, { query: '{ __typename }', extensions: 'x' },
  { query: '{ __typename }', extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } }, { query: '{ __typename }', extensions: { persistedQuery: 5 } }, { query: 'query A { __typename } query B { __typename }' },
  { query: 'subscription { nothing }' }, { query: `{ ${'a { '.repeat(5_000)}${'} '.repeat(5_000)} }` }, { query: `query($a: [${'['.repeat(5_000)}Int${']'.repeat(5_000)}]) { __typename }` },
  { query: `{ node(id: ${'['.repeat(20_000)}${']'.repeat(20_000)}) { id } }` }, { query: `{ node(id: "${'a'.repeat(1_000_000)}") { id } }` }, { query: `# ${'x'.repeat(1_000_000)}\n{ __typename }` },
  { query: '{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }' }, { query: 'mutation { __typename }' }, { query: 'query($a: Nothing) { __typename }' }, { query: 'query($a: Tenant) { __typename }' },
  { query: `query { ${Array.from({ length: 2_000 }, (_, index) => `a${index}: __typename`).join(' ')} }` }, { query: '{ __typename @a @b @c @d @e @f }' }, { query: `{ __typename ${'@skip(if: false) '.repeat(2_000)} }` }, { query: '\ufeff{ __typename }' },
];
