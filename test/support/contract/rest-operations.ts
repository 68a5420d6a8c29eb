import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { exampleOf, NoExample, type Schema, type Schemas } from './examples.js';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  schema: Schema;
}

/** One operation of the served document. */
export interface RestOperation {
  /** As failures name it: `DELETE /v1/tenants/{tenant}`. */
  label: string;
  method: string;
  path: string;
  parameters: Parameter[];
  body?: { type: string; schema: Schema };
}

export interface RestDocument {
  operations: RestOperation[];
  schemas: Schemas;
}

interface ServedOperation {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

/** What the running API says of itself: a new route is in it without anybody naming it here. */
export async function readDocument(client: HttpClient): Promise<RestDocument> {
  const { body } = await client.get('/v1/openapi.json');
  const document = body as { paths: Record<string, Record<string, ServedOperation>>; components: { schemas: Schemas } };
  const operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, { parameters = [], requestBody }]): RestOperation => {
    const [content] = Object.entries(requestBody?.content ?? {});
    return { label: `${method.toUpperCase()} ${path}`, method: method.toUpperCase(), path, parameters, ...(content ? { body: { type: content[0], schema: content[1].schema } } : {}) };
  }));
  return { operations, schemas: document.components.schemas };
}

export function pathParameters(operation: RestOperation): string[] {
  return [...operation.path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
}

export function fillPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ''));
}

/** Bodies that cannot be told from their schema: by operation. */
export type BodyTable = Record<string, { body: Uint8Array | string; type: string }>;

export interface Sent {
  body?: unknown;
  headers: Record<string, string>;
}

/** A body the operation takes. @throws {NoExample} */
export function bodyOf(operation: RestOperation, { schemas }: RestDocument, table: BodyTable): Sent {
  const given = table[operation.label];
  if (given) return { body: given.body, headers: { 'content-type': given.type } };
  if (!operation.body) return { headers: {} };
  if (operation.body.type === '*/*') return { body: '{}', headers: { 'content-type': 'application/json' } };
  if (!operation.body.type.includes('json')) throw new NoExample(`${operation.label}: no example of ${operation.body.type}; add one to the table of bodies`);
  return { body: exampleOf(operation.body.schema, schemas, operation.label), headers: { 'content-type': operation.body.type } };
}

/** Values that can stand for a path parameter: what the list at the address before it holds. */
export class PathValues {
  private readonly found = new Map<string, string[]>();

  /**
   * @param given by parameter, for what no list shows.
   * @param client its tenant's owner.
   */
  constructor(
    private readonly document: RestDocument,
    private readonly client: HttpClient,
    private readonly given: Readonly<Record<string, readonly string[]>>,
  ) {}

  /**
   * Names and ids of one existing thing for `name` in `path`, made where the list is empty and things can be made there.
   * @throws {NoExample}
   */
  async of(path: string, name: string, known: Readonly<Record<string, string>>): Promise<readonly string[]> {
    if (this.given[name]) return this.given[name];
    const list = fillPath(path.slice(0, path.indexOf(`/{${name}}`)), known);
    const cached = this.found.get(list);
    if (cached) return cached;
    const values = (await this.first(list)) ?? (await this.make(path.slice(0, path.indexOf(`/{${name}}`)), list)) ?? [];
    if (values.length === 0) throw new NoExample(`${path}: no example of {${name}}: ${list} lists nothing and nothing could be made there; give one`);
    this.found.set(list, values);
    return values;
  }

  private async first(list: string): Promise<string[] | undefined> {
    const { status, body } = await this.client.get(list);
    const item = status === 200 ? (body as { items?: Record<string, unknown>[] }).items?.[0] : undefined;
    if (!item) return undefined;
    const names = ['name', 'id', 'number', 'version', 'digest'].map((field) => item[field]).filter((value) => typeof value === 'string' || typeof value === 'number');
    return [...new Set(names.map(String))];
  }

  private async make(template: string, list: string): Promise<string[] | undefined> {
    const operation = this.document.operations.find(({ method, path }) => method === 'POST' && path === template);
    if (!operation) return undefined;
    const { body, headers } = bodyOf(operation, this.document, {});
    const { status } = await this.client.send('POST', list, { body, headers });
    return status < 300 ? this.first(list) : undefined;
  }
}
