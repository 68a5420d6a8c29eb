import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSchema, getIntrospectionQuery, parse } from 'graphql';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { DocumentGate } from './document-gate.js';
import { adaptDocumentId } from './document-id.js';
import { DOCUMENT_LIMITS, excessOf, measureDocument } from './document-size.policy.js';
import { TrustedDocuments } from './trusted-documents.js';

const times = (count: number, write: (index: number) => string): string => Array.from({ length: count }, (_, index) => write(index)).join(' ');
const nested = (levels: number): string => `${'{ a '.repeat(levels)}${'} '.repeat(levels)}`;

/** Ten fragments deep, each the one below it twenty times: 20^n fields in a few hundred words. */
function laughs(levels: number): string {
  return `{ ...f${levels} } fragment f0 on Query { a } ${times(levels, (level) => `fragment f${level + 1} on Query { ${times(20, () => `...f${level}`)} }`)}`;
}

function refusal(gate: DocumentGate, query: unknown, extensions?: unknown): { code: string; details: object; message: string } | null {
  try {
    gate.demand({ query, extensions });
    return null;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { code: error.code, details: error.details, message: error.message };
  }
}

describe('the measure of a document', () => {
  it.each([
    ['{ a }', { depth: 1, fields: 1, expandedFields: 1, rootFields: 1 }],
    ['{ a { b { c } d } e }', { depth: 3, fields: 5, expandedFields: 5, rootFields: 2 }],
    ['{ x: a y: a { z: b } }', { aliases: 3 }],
    ['query($v: Int @d) @d { a @d @d @d b @d ... @d { c } ...F @d } fragment F on T @d { e }', { directives: 9, directivesOnOneField: 3, fragments: 1 }],
    ['{ ...F ...F } fragment F on Query { a { b } }', { depth: 2, fields: 2, expandedFields: 4, rootFields: 2 }],
    ['{ a { ...F } } fragment F on T { ...G } fragment G on T { b { c } }', { depth: 3, expandedFields: 3 }],
    ['{ ... on Query { ... on Query { a } } }', { depth: 1, rootFields: 1 }],
    ['{ __schema { types { fields { name } } } }', { depth: 0, fields: 4 }],
    ['query A { a } query B { a b c { d } }', { rootFields: 3, depth: 2, expandedFields: 4, fields: 5 }],
    ['{ ...F } fragment F on T { ...G } fragment G on T { ...F }', { cyclic: true }],
    ['{ ...F } fragment F on T { a { ...F } }', { cyclic: true }],
    ['{ ...Missing }', { fields: 0, cyclic: false }],
  ])('%s', (text, expected) => {
    expect(measureDocument(parse(text))).toMatchObject(expected);
  });

  it('counts a billion laughs without laughing', () => {
    const document = parse(laughs(40));
    const before = process.cpuUsage();
    expect(measureDocument(document).expandedFields).toBeGreaterThan(1e50);
    const { user } = process.cpuUsage(before);
    expect(user / 1000).toBeLessThan(100);
  });
});

describe('the gate for documents', () => {
  it.each([
    ['a document within the limits', '{ a { b } }', null],
    ['introspection as tools send it', getIntrospectionQuery(), null],
    ['what is no GraphQL, left to Apollo', '{ a', null],
    ['depth', nested(13), { code: 'QUERY_TOO_DEEP', details: { limit: 'depth', allowed: 12 } }],
    ['depth beyond any parser\'s stack', nested(1_600), { code: 'QUERY_TOO_DEEP' }],
    ['a list beyond any parser\'s stack', `{ a(b: ${'['.repeat(2_400)}${']'.repeat(2_400)}) }`, { code: 'QUERY_TOO_DEEP' }],
    ['a value of many levels', `{ a(b: ${'[{c: '.repeat(11)}1${'}]'.repeat(11)}) }`, { code: 'QUERY_TOO_DEEP', details: { limit: 'valueDepth', allowed: 20 } }],
    ['aliases', `{ ${times(51, (index) => `a${index}: a`)} }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'aliases', allowed: 50 } }],
    ['directives', `{ ${times(17, () => 'a @skip(if: false) @skip(if: false) @skip(if: false)')} }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'directives', allowed: 50 } }],
    ['directives on one field', `{ a ${times(6, () => '@skip(if: false)')} }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'directivesOnOneField', allowed: 5 } }],
    ['root fields', `{ ${times(21, () => 'a')} }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'rootFields', allowed: 20 } }],
    ['root fields in fragments', `{ ${times(7, () => '...F')} } fragment F on Query { a b c }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'rootFields' } }],
    ['fields', `{ a { ${times(501, () => 'b')} } }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'fields', allowed: 500 } }],
    ['fragments', `{ a } ${times(51, (index) => `fragment F${index} on Query { a }`)}`, { code: 'QUERY_TOO_LARGE', details: { limit: 'fragments', allowed: 50 } }],
    ['tokens', `{ a(b: [${times(5_000, () => '1')}]) }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'tokens', allowed: 5_000 } }],
    ['length', `{ a(b: "${'x'.repeat(140_000)}") }`, { code: 'QUERY_TOO_LARGE', details: { limit: 'length' } }],
    ['fragments of fragments', `{ a { ...f5 } } ${laughs(5).replace('{ ...f5 }', '')}`, { code: 'QUERY_TOO_LARGE', details: { limit: 'expandedFields', allowed: 2_000 } }],
    ['a billion laughs at the top', laughs(40), { code: 'QUERY_TOO_LARGE' }],
    ['fragments that contain themselves', '{ ...F } fragment F on Query { ...F }', { code: 'GRAPHQL_VALIDATION_FAILED' }],
  ])('%s', (_, text, expected) => {
    const gate = new DocumentGate(undefined);
    const first = refusal(gate, text);
    if (expected) expect(first).toMatchObject(expected);
    else expect(first).toBeNull();
    // The second time it may know the document, and says the same.
    expect(refusal(gate, text)).toEqual(first);
  });

  it('names each limit with what is allowed', () => {
    for (const limit of Object.keys(DOCUMENT_LIMITS) as (keyof typeof DOCUMENT_LIMITS)[]) {
      const measure = { ...DOCUMENT_LIMITS, cyclic: false, [limit]: DOCUMENT_LIMITS[limit] + 1 };
      expect(excessOf(measure, DOCUMENT_LIMITS)).toMatchObject({ limit, allowed: DOCUMENT_LIMITS[limit] });
    }
    expect(excessOf({ ...DOCUMENT_LIMITS, cyclic: false }, DOCUMENT_LIMITS)).toBeNull();
  });
});

describe('trusted documents', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-documents-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const file = (content: unknown): string => {
    const path = join(folder, `${sha(JSON.stringify(content) ?? '')}.json`);
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  const TEXT = '{ a }';
  const asked = (hash: string): object => ({ persistedQuery: { version: 1, sha256Hash: hash } });

  it.each([
    ['the map that code generators write', { [sha(TEXT)]: TEXT }],
    ['ids with their algorithm', { [`sha256:${sha(TEXT)}`]: TEXT }],
    ['the persisted queries manifest', { format: 'apollo-persisted-query-manifest', version: 1, operations: [{ id: sha(TEXT), name: 'A', type: 'query', body: TEXT }] }],
  ])('are read from %s', async (_, content) => {
    const trusted = TrustedDocuments.read(file(content));
    expect(await trusted.get(sha(TEXT))).toBe(TEXT);
    expect(trusted.has(sha('{ b }'))).toBe(false);
  });

  it.each([
    ['a hash that is not the document\'s', { [sha('{ b }')]: TEXT }],
    ['a list', [TEXT]],
    ['names instead of hashes', { first: TEXT }],
    ['what is no JSON', '{'],
  ])('are not read from %s', (_, content) => {
    expect(() => TrustedDocuments.read(file(content))).toThrow(ConfigurationError);
  });

  it('are refused where the file is missing, or a document does not fit the schema', () => {
    expect(() => TrustedDocuments.read(join(folder, 'missing.json'))).toThrow(/ENOENT/);
    const trusted = TrustedDocuments.read(file({ [sha(TEXT)]: TEXT }));
    trusted.demandValid(buildSchema('type Query { a: Int }'));
    expect(() => trusted.demandValid(buildSchema('type Query { b: Int }'))).toThrow(ConfigurationError);
  });

  it('are all that passes the gate', () => {
    const gate = new DocumentGate(TrustedDocuments.read(file({ [sha(TEXT)]: TEXT })));
    expect(refusal(gate, undefined, asked(sha(TEXT)))).toBeNull();
    for (const [query, extensions] of [[TEXT, undefined], [undefined, undefined], [undefined, asked(sha('{ b }'))], ['{ b }', asked(sha('{ b }'))], [undefined, { persistedQuery: { sha256Hash: 5 } }], [undefined, { persistedQuery: null }], [5, asked(sha(TEXT))]]) {
      expect(refusal(gate, query, extensions)).toMatchObject({ code: 'DOCUMENT_NOT_TRUSTED' });
    }
  });
});

describe('a document id', () => {
  const HASH = 'ab'.repeat(32);
  const EXTENSION = { persistedQuery: { version: 1, sha256Hash: HASH } };

  it.each([
    [{ documentId: HASH }, EXTENSION],
    [{ documentId: `sha256:${HASH}`, extensions: null }, EXTENSION],
    [{ documentId: HASH, extensions: { a: 1 } }, { a: 1, ...EXTENSION }],
    [{ documentId: 'other:1' }, { persistedQuery: { version: 1, sha256Hash: 'unknown' } }],
    [{ documentId: 7 }, { persistedQuery: { version: 1, sha256Hash: 'unknown' } }],
    [{ query: '{ a }' }, undefined],
    [{ documentId: HASH, extensions: 'text' }, 'text'],
  ])('%j in a body gives %j', (body, extensions) => {
    const request = { method: 'POST', body, query: {}, raw: {} };
    adaptDocumentId(request);
    expect((request.body as { extensions?: unknown }).extensions).toEqual(extensions);
  });

  it('counts in each operation of a batch, and bodies of other forms are left alone', () => {
    const batch = [{ documentId: HASH }, null, 5, 'x'];
    adaptDocumentId({ method: 'POST', body: batch, query: {}, raw: {} });
    expect(batch[0]).toMatchObject({ extensions: EXTENSION });
    for (const body of [undefined, null, 'x', 5]) adaptDocumentId({ method: 'POST', body, query: {}, raw: {} });
  });

  it('in an address becomes a parameter of it', () => {
    const request = { method: 'GET', query: { documentId: HASH } as Record<string, string>, raw: { url: `/graphql?documentId=${HASH}` } };
    adaptDocumentId(request);
    expect(JSON.parse(new URL(request.raw.url, 'http://x/').searchParams.get('extensions')!)).toEqual(EXTENSION);
    expect(JSON.parse(request.query.extensions!)).toEqual(EXTENSION);
    const other = { method: 'GET', query: { query: '{a}' }, raw: { url: '/graphql?query={a}' } };
    adaptDocumentId(other);
    expect(other.raw.url).toBe('/graphql?query={a}');
  });
});
