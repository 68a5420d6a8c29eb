import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../support/api.js';
import type { Schema } from '../support/contract/examples.js';
import { furnishTenant, type FurnishedTenant } from '../support/contract/furnished.js';
import { bodyOf, fillPath, PathValues, pathParameters, readDocument, type RestDocument, type RestOperation } from '../support/contract/rest-operations.js';
import { sendRaw } from '../support/raw-http.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** What no well-made client sends, to every operation of the document. */
describe('odd requests', () => {
  let api: TestApi;
  let document: RestDocument;
  let tenant: FurnishedTenant;
  let values: PathValues;

  beforeAll(async () => {
    api = await startApi();
    tenant = await furnishTenant({ operator: api.operator, person: api.person, database: api.plane.database }, 'odd');
    document = await readDocument(api.operator);
    values = new PathValues(document, tenant.owner, { digest: [tenant.digest], plan: ['standard'], cluster: ['tests'], invitation: [tenant.invitation] });
  }, 120_000);
  afterAll(() => api.stop());

  async function wordsFor(operation: RestOperation): Promise<Record<string, string>> {
    const words: Record<string, string> = {};
    for (const name of pathParameters(operation)) words[name] = name === 'tenant' ? tenant.name : (await values.of(operation.path, name, words))[0]!;
    return words;
  }

  const pathOf = async (operation: RestOperation): Promise<string> => fillPath(operation.path, await wordsFor(operation));
  const withJson = (): RestOperation[] => document.operations.filter(({ body }) => body?.type.includes('json'));

  function send(operation: RestOperation, path: string, body?: unknown): Promise<HttpAnswer> {
    const bytes = operation.body?.type === 'application/gzip';
    return api.operator.send(operation.method, path, { body: typeof body === 'string' ? body : bytes ? 'bytes' : JSON.stringify(body), headers: bytes ? { 'content-type': 'application/gzip' } : body === undefined ? {} : { 'content-type': 'application/json' } });
  }

  /** The body a request would carry anyway, so that only the oddity is wrong with it. */
  const usual = (operation: RestOperation): unknown => (operation.body?.type.includes('json') ? bodyOf(operation, document, {}).body : undefined);

  it.each([['NUL', 'a%00b'], ['a slash', 'a%2Fb'], ['dots', '%2e%2e%2f%2e%2e'], ['double encoding', 'a%252500'], ['5,000 letters', 'x'.repeat(5_000)], ['an emoji', '%F0%9F%92%A9'], ['a space', '%20']])
  ('find nothing at an address with %s', async (_, word) => {
    for (const operation of document.operations) {
      const words = await wordsFor(operation);
      for (const name of Object.keys(words)) {
        const path = operation.path.replaceAll(/\{([^}]+)\}/g, (__, part: string) => (part === name ? word : encodeURIComponent(words[part]!)));
        const { status, body } = await send(operation, path, usual(operation));
        // Names in the address of a PUT are those of new things, and judged as such; what stands behind the gateway is not looked up before.
        const good = status === 404 || (operation.method === 'PUT' && status === 422) || (operation.path.endsWith('/invocations') && name === 'function' && [422, 503].includes(status));
        expect.soft(good, `${operation.label} with {${name}} = ${word.slice(0, 20)} is answered ${status} ${JSON.stringify(body)}`).toBe(true);
      }
    }
  });

  it.each(['%', '%zz', '%FF', '%C0%80', '%ED%A0%80'])('refuse an address with %s', async (word) => {
    const { status, body, headers } = await api.operator.get(`/v1/tenants/${word}`);
    expect([status, body.code, headers.get('content-type'), headers.get('x-request-id')]).toEqual([400, 'REQUEST_MALFORMED', expect.stringContaining('application/problem+json'), body.requestId]);
  });

  it('refuse query parameters that an operation does not have, by name', async () => {
    for (const operation of document.operations) {
      const { status, body } = await send(operation, `${await pathOf(operation)}?nonsense=1&nonsense=2`, usual(operation));
      expect.soft([operation.label, status, body.code, body.errors?.[0]?.pointer]).toEqual([operation.label, 422, 'VALIDATION_FAILED', '?nonsense']);
    }
  });

  it('take the query parameters of the document, and refuse garbage in them', async () => {
    for (const operation of document.operations) {
      for (const parameter of operation.parameters.filter((one) => one.in === 'query')) {
        const path = await pathOf(operation);
        expect.soft([operation.label, parameter.name, (await send(operation, `${path}?${parameter.name}=%ED%A0%80`, usual(operation))).body.code]).toEqual([operation.label, parameter.name, 'QUERY_MALFORMED']);
        for (const value of ['%00', `x&${parameter.name}=y`]) {
          const { status, body } = await send(operation, `${path}?${parameter.name}=${value}`, usual(operation));
          expect.soft([operation.label, parameter.name, value, status, body.errors?.[0]?.pointer]).toEqual([operation.label, parameter.name, value, 422, `?${parameter.name}`]);
        }
      }
    }
  });

  it.each(['1e2', '0x10', ' 5', '5.0', '+5', '', '0', '501', '-1', '9'.repeat(400)])('read no number from limit=%s', async (limit) => {
    const { status, body } = await api.operator.get(`/v1/tenants?limit=${encodeURIComponent(limit)}`);
    expect([status, body.errors[0].pointer]).toEqual([422, '?limit']);
  });

  it.each<[string, unknown[]]>([
    ['a year that Postgres does not know', ['0000-01-01T00:00:00.000Z', 'x']], ['a date far away', ['+275760-09-13T00:00:00.000Z', 'x']], ['NUL', ['2026-01-01T00:00:00.000Z', 'a\0']],
    ['half a character', ['2026-01-01T00:00:00.000Z', '\ud800']], ['a number', [5, 5]], ['too little', ['2026-01-01T00:00:00.000Z']],
  ])('take no cursor with %s', async (_, position) => {
    const { status, body } = await api.operator.get(`/v1/tenants?cursor=${Buffer.from(JSON.stringify(position)).toString('base64url')}`);
    expect([status, body.code]).toEqual([422, 'CURSOR_INVALID']);
  });

  it.each(['0000-01', '0001-01', '2026-13', '2026-1', '２０２６-01'])('take no period %s', async (period) => {
    for (const path of ['usage', 'usage/records', 'usage/capacity-records', 'invoice-preview']) expect((await tenant.owner.get(`/v1/tenants/${tenant.name}/${path}?period=${encodeURIComponent(period)}`)).status).toBe(422);
  });

  it('want an object where an object is asked for', async () => {
    for (const operation of withJson()) {
      for (const body of ['null', '[]', '[{}]', '"text"', '5', 'true', '']) {
        const answer = await send(operation, await pathOf(operation), body);
        expect.soft([operation.label, body, answer.status, answer.body.code, answer.body.errors?.[0]?.pointer]).toEqual([operation.label, body, 422, 'VALIDATION_FAILED', '']);
      }
    }
  });

  it('refuse unknown fields of every body', async () => {
    for (const operation of withJson()) {
      const { status, body } = await send(operation, await pathOf(operation), { ...(usual(operation) as object), nonsense: 1 });
      expect.soft([operation.label, status, body.errors?.[0]]).toEqual([operation.label, 422, { pointer: '/nonsense', message: 'is not a field of this request' }]);
    }
  });

  it('keep no text that cannot be kept, in any field', async () => {
    let tried = 0;
    for (const operation of withJson()) {
      for (const path of textsOf(operation.body!.schema, document.schemas)) {
        for (const text of ['a\0b', 'a\ud800b']) {
          const { status } = await send(operation, await pathOf(operation), planted(usual(operation), path, text));
          expect.soft(status, `${operation.label} takes ${JSON.stringify(text)} as ${path.join('/')}`).toBe(422);
          tried += 1;
        }
      }
    }
    expect(tried).toBeGreaterThan(50);
  });

  it('refuse numbers that are none of theirs', async () => {
    for (const operation of withJson()) {
      for (const path of fieldsOf(operation.body!.schema, document.schemas, ['integer', 'number'])) {
        for (const number of [1e30, -1e30, 9_007_199_254_740_993, 0.5, 2_147_483_648, -2_147_483_649]) {
          const { status } = await send(operation, await pathOf(operation), planted(usual(operation), path, number));
          expect.soft(status, `${operation.label} takes ${number} as ${path.join('/')}`).toBe(422);
        }
        const { status } = await send(operation, await pathOf(operation), JSON.stringify(planted(usual(operation), path, '@')).replace('"@"', '1e400'));
        expect.soft(status, `${operation.label} takes 1e400 as ${path.join('/')}`).toBe(422);
      }
    }
  });

  it('read no body that is nested without end', async () => {
    for (const operation of withJson()) {
      const path = await pathOf(operation);
      for (const deep of [`${'['.repeat(100_000)}`, `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, `{"data":${'['.repeat(300)}${']'.repeat(300)}}`]) {
        expect.soft([operation.label, (await send(operation, path, deep)).body.code]).toEqual([operation.label, 'JSON_TOO_DEEP']);
      }
      const { status } = await send(operation, path, { ...(usual(operation) as object), labels: nested(150), data: nested(150) });
      expect.soft([operation.label, status]).toEqual([operation.label, 422]);
    }
  });

  it.each([
    ['text/plain', 415], ['application/xml', 415], ['application/cloudevents+json', 415], ['application/x-www-form-urlencoded', 415], ['nonsense', 415],
  ])('do not read a body of %s', async (type, expected) => {
    for (const operation of withJson()) {
      const { status, body } = await api.operator.send(operation.method, await pathOf(operation), { body: JSON.stringify(usual(operation)), headers: { 'content-type': type } });
      expect.soft([operation.label, status, body.status]).toEqual([operation.label, expected, expected]);
    }
  });

  it('take merge patches for PATCH only', async () => {
    for (const operation of withJson()) {
      const { status } = await api.operator.send(operation.method, `${await pathOf(operation)}?validateOnly=true`, { body: JSON.stringify(usual(operation)), headers: { 'content-type': 'application/merge-patch+json' } });
      expect.soft([operation.label, status === 415]).toEqual([operation.label, operation.method !== 'PATCH']);
    }
  });

  it('tell a wrong method from a wrong address', async () => {
    for (const path of new Set(document.operations.map((operation) => operation.path))) {
      // A verb may stand where elsewhere an id does.
      const known = [...new Set(document.operations.filter((operation) => new RegExp(`^${operation.path.replaceAll(/\{[^}]+\}/g, '[^/{}]+')}$`).test(path.replaceAll(/\{[^}]+\}/g, 'x1'))).map(({ method }) => method))];
      for (const method of METHODS.filter((one) => !known.includes(one))) {
        const { status, body, headers } = await api.operator.send(method, path.replaceAll(/\{[^}]+\}/g, 'x1'));
        expect.soft([method, path, status, body.code, headers.get('allow')?.split(', ').filter((one) => one !== 'HEAD')]).toEqual([method, path, 405, 'METHOD_NOT_ALLOWED', known.sort()]);
      }
      expect.soft([path, (await sendRaw(api.url, `TRACE ${path.replaceAll(/\{[^}]+\}/g, 'x1')} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).status]).toEqual([path, 405]);
    }
    for (const method of METHODS) expect((await api.operator.send(method, '/v1/nonsense')).body.code).toBe('ROUTE_NOT_FOUND');
  });

  it('answer HEAD as GET without a body, and addresses with a slash at the end as without', async () => {
    for (const operation of document.operations.filter(({ method }) => method === 'GET')) {
      const path = await pathOf(operation);
      const [get, head, slash] = [await api.operator.get(path), await api.operator.send('HEAD', path), await api.operator.get(`${path}/`)];
      expect.soft([operation.label, head.status, head.body.length, head.headers.get('etag'), slash.status]).toEqual([operation.label, get.status, 0, get.headers.get('etag'), get.status]);
    }
  });

  it.each([
    ['two lengths', 'content-length: 2\r\ncontent-length: 3\r\n\r\n{}', 400], ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400], ['a negative length', 'content-length: -1\r\n\r\n', 400],
    ['a length that is no number', 'content-length: 0x2\r\n\r\n{}', 400], ['a header without an end', 'nonsense\r\n\r\n', 400], ['NUL in a header', 'x-a: a\0b\r\n\r\n', 400], ['20 KiB of headers', `x-a: ${'a'.repeat(20_480)}\r\n\r\n`, 431],
  ])('are answered as problems where they are no HTTP: %s', async (_, rest, status) => {
    const answer = await sendRaw(api.url, `POST /v1/tenants HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${api.operator.token}\r\n${rest}`);
    expect([answer.status, answer.headers.get('content-type'), JSON.parse(answer.body)]).toEqual([status, 'application/problem+json', expect.objectContaining({ status, code: 'REQUEST_MALFORMED', requestId: answer.headers.get('x-request-id') })]);
  });

  it('are one request each: what follows a refused one on its connection is not read', async () => {
    const name = randomName('smuggled');
    const inner = `POST /v1/tenants HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${api.operator.token}\r\ncontent-length: ${JSON.stringify({ name }).length}\r\n\r\n${JSON.stringify({ name })}`;
    await sendRaw(api.url, `POST /v1/tenants HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`);
    expect((await api.operator.get(`/v1/tenants/${name}`)).status).toBe(404);
  });

  it('hold one If-Match, and one of a form that an ETag can have', async () => {
    const path = `/v1/tenants/${tenant.name}/secrets/${tenant.secret}`;
    for (const tag of ['"a", "b"', 'W/"a"', 'a', '""', `"${'a'.repeat(200)}"`]) {
      expect([tag, (await tenant.owner.delete(path, { headers: { 'if-match': tag } })).body.code]).toEqual([tag, 'ETAG_INVALID']);
    }
  });

  it('may ask for any media type: answers are JSON all the same', async () => {
    const { status, headers } = await api.operator.get('/v1/me', { headers: { accept: 'application/xml' } });
    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('application/json')]);
  });
});

function nested(depth: number): unknown {
  return depth === 0 ? 'x' : { a: nested(depth - 1) };
}

/** Paths of all fields of the given types in a body. */
function fieldsOf(schema: Schema, schemas: Record<string, Schema>, types: readonly string[], path: string[] = []): string[][] {
  if (path.length > 5) return [];
  const resolved = schema.$ref ? schemas[schema.$ref.split('/').at(-1)!]! : schema;
  const variants = [...(resolved.anyOf ?? []), ...(resolved.allOf ?? []), ...(resolved.oneOf ?? [])].flatMap((part) => fieldsOf(part, schemas, types, path));
  const here = path.length > 0 && [resolved.type].flat().some((type) => types.includes(type!)) ? [path] : [];
  return [...here, ...variants, ...Object.entries(resolved.properties ?? {}).flatMap(([name, property]) => fieldsOf(property, schemas, types, [...path, name]))];
}

/** Paths of all texts, list items and values of maps among them. */
function textsOf(schema: Schema, schemas: Record<string, Schema>): string[][] {
  const texts = fieldsOf(schema, schemas, ['string']);
  const lists = fieldsOf(schema, schemas, ['array']).map((path) => [...path, '0']);
  const maps = fieldsOf(schema, schemas, ['object']).filter((path) => ['data', 'labels', 'environment', 'inline'].includes(path.at(-1)!)).map((path) => [...path, 'KEY']);
  return [...texts, ...lists, ...maps];
}

function planted(body: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  if (name === '0') return [planted(undefined, rest, value)];
  return { ...(body as object | undefined), [name]: planted((body as Record<string, unknown> | undefined)?.[name], rest, value) };
}
