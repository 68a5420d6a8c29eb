import { randomBytes, randomUUID } from 'node:crypto';

/** The part of JSON Schema that the documents use; GraphQL input types are told in the same words. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  pattern?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
  minLength?: number;
  minimum?: number;
  minItems?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

export type Schemas = Record<string, Schema>;

/** Nothing known fits: the message names the place, so that an example can be added to {@link EXAMPLES}. */
export class NoExample extends Error {}

const DAY_MS = 86_400_000;
export const INLINE_SOURCE = { 'handler.py': 'def handle(event, context):\n    return 1\n' };
/** The least there is to deploy. */
export const PYTHON = { runtime: 'python', source: { inline: INLINE_SOURCE } };

/** A DNS label, and so good as a name of nearly everything; nobody else has it. */
export function freshName(): string {
  return `x${randomBytes(6).toString('hex')}`;
}

/**
 * The one table of what cannot be told from a schema's form: by `Schema`, `Schema.property` or `property`, the most precise one
 * wins. What stands here for a whole schema is completed with its other required properties.
 */
export const EXAMPLES: Record<string, () => unknown> = {
  name: freshName,
  subject: freshName,
  issuer: () => 'https://tests.fnplane.invalid',
  plan: () => 'standard',
  timeZone: () => 'Europe/Vienna',
  email: () => `${freshName()}@example.invalid`,
  data: () => ({ VARIABLE: 'value' }),
  role: () => 'viewer',
  host: () => `${freshName()}.example`,
  schedule: () => '0 2 * * *',
  url: () => 'https://hooks.example/in',
  ReplayWebhookBody: () => ({ fromTime: new Date().toISOString() }),
  WebhookReplayInput: () => ({ fromTime: new Date().toISOString() }),
  'HttpTriggerInput.authentication': () => 'PUBLIC',
  'TriggerPathInput.value': () => '/orders',
  'TriggerPathPatch.value': () => '/orders',
  'TriggerRewriteInput.prefix': () => '/',
  brokers: () => [`${freshName()}.example:9092`],
  topics: () => ['orders'],
  tenantRole: () => 'viewer',
  FunctionBodyModel: () => PYTHON,
  ReplaceFunctionBody: () => PYTHON,
  FunctionPatchBody: () => ({ timeoutSeconds: 7 }),
  FunctionInput: () => ({ runtime: 'PYTHON', source: { inline: INLINE_SOURCE } }),
  FunctionPatch: () => ({ timeoutSeconds: 7 }),
};

/** Tried in turn where a pattern is asked for. */
const CANDIDATES: readonly (() => string)[] = [freshName, randomUUID, () => randomBytes(32).toString('hex'), () => '2026-11', () => '1', () => 'A', () => '"tag"', () => `https://${freshName()}.example`, () => `${freshName()}@example.invalid`];

/**
 * A value that the schema takes: required properties only, fresh names.
 * @throws {NoExample} naming `place`.
 */
export function exampleOf(schema: Schema, schemas: Schemas, place: string): unknown {
  const name = schema.$ref?.split('/').at(-1);
  if (name !== undefined) return ofNamed(name, schemas, place);
  for (const key of [place.split('.').slice(-2).join('.'), place.split('.').at(-1)!]) {
    const given = EXAMPLES[key]?.();
    // Words of closed lists are written otherwise in GraphQL.
    if (given !== undefined && (!schema.enum || schema.enum.includes(given))) return given;
  }
  if (schema.example !== undefined) return schema.example;
  for (const given of [schema.examples?.[0], schema.const, schema.default, schema.enum?.[0]]) if (given !== undefined) return given;
  const variant = (schema.anyOf ?? schema.oneOf ?? []).find((part) => part.type !== 'null') ?? schema.allOf?.[0];
  if (variant) return exampleOf(variant, schemas, place);
  return ofType(schema, schemas, place);
}

function ofNamed(name: string, schemas: Schemas, place: string): unknown {
  const schema = schemas[name];
  if (!schema) throw new NoExample(`${place}: there is no schema ${name}`);
  if (!schema.properties) return exampleOf(schema, schemas, place);
  const given = (EXAMPLES[name]?.() ?? {}) as Record<string, unknown>;
  return { ...requiredOf(schema, schemas, name, new Set(Object.keys(given))), ...given };
}

function requiredOf(schema: Schema, schemas: Schemas, place: string, given: ReadonlySet<string>): Record<string, unknown> {
  const wanted = (schema.required ?? []).filter((property) => !given.has(property));
  return Object.fromEntries(wanted.map((property) => [property, exampleOf(schema.properties![property]!, schemas, `${place}.${property}`)]));
}

function ofType(schema: Schema, schemas: Schemas, place: string): unknown {
  const type = [schema.type].flat().find((one) => one !== 'null');
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'array') return Array.from({ length: schema.minItems ?? 0 }, () => exampleOf(schema.items ?? {}, schemas, place));
  if (type === 'object') return requiredOf(schema, schemas, place, new Set());
  if (type === 'string') return ofText(schema, place);
  throw new NoExample(`${place}: no example for ${JSON.stringify(schema)}; add one to EXAMPLES`);
}

function ofText(schema: Schema, place: string): string {
  if (schema.format === 'uuid') return randomUUID();
  if (schema.format === 'date-time') return new Date(Date.now() + DAY_MS).toISOString();
  if (schema.format === 'binary') return 'bytes';
  const pattern = new RegExp(schema.pattern ?? '', 'u');
  const found = CANDIDATES.map((make) => make()).find((text) => pattern.test(text) && text.length >= (schema.minLength ?? 0));
  if (found === undefined) throw new NoExample(`${place}: no example for the pattern ${schema.pattern}; add one to EXAMPLES`);
  return found;
}
