import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { MAX_PAGE } from '../database/page.js';
import { isPreviewed, isReplayed } from './mutation-options.js';
import { closeRequestSchemas } from './open-api-schemas.js';
import { Problem, ProblemField } from './problem.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Parameter = Extract<NonNullable<Operation['parameters']>[number], { name: string }>;
type Answer = Exclude<NonNullable<Operation['responses'][string]>, { $ref: string }>;
type Schema = NonNullable<Parameter['schema']>;

const READING = new Set(['get', 'head']);
const PROBLEM = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
const TEXT: Schema = { type: 'string' };
const UUID: Schema = { type: 'string', format: 'uuid' };

/** Parts of addresses that are no names: what does not fit is answered 404, like what is not there. */
const PATH_PARTS: Record<string, { schema: Schema; description: string }> = {
  tenant: { schema: { type: 'string', minLength: 1, maxLength: 64 }, description: 'Name or UUID of the tenant.' },
  number: { schema: { type: 'integer', minimum: 1, maximum: 999_999_999 }, description: 'Number, counted from 1.' },
  digest: { schema: { type: 'string', pattern: '^[0-9a-f]{64}$' }, description: 'SHA-256, hex.' },
  member: { schema: UUID, description: 'UUID of the member.' },
  operation: { schema: UUID, description: 'UUID of the operation.' },
};
const NAME_PART = { schema: { type: 'string', minLength: 1, maxLength: 200 } satisfies Schema, description: 'Name or UUID.' };

const HEADERS = {
  requestId: { 'X-Request-Id': { description: 'Stands in the logs too; the caller\'s own, where it sent one.', schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' }, required: true } },
  etag: { ETag: { description: 'For If-Match.', schema: TEXT, required: true } },
  location: { Location: { description: 'Address of what was created.', schema: TEXT } },
  replayed: { 'Idempotency-Replayed': { description: 'The answer is that of the first request with this key.', schema: { type: 'string', enum: ['true'] } } },
  challenge: { 'WWW-Authenticate': { schema: TEXT, required: true } },
  retry: { 'Retry-After': { description: 'Seconds.', schema: { type: 'string', pattern: '^\\d+$' } } },
} satisfies Record<string, Answer['headers']>;

/** The OpenAPI 3.1 document of the REST API, as it is served and checked in. */
export function buildOpenApi(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('fnplane')
    .setDescription(`Function clouds for many teams on shared clusters. Lists are paged (at most ${MAX_PAGE} a page); errors are RFC 9457 problems with a stable \`code\`. Unknown fields and query parameters are refused.`)
    .setVersion('1')
    .addBearerAuth()
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-Api-Key' }, 'api-key')
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('api-key')
    .build();
  const document = SwaggerModule.createDocument(app, config, { extraModels: [Problem, ProblemField] });
  const handlers = handlersOf(app);
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) complete(document, method, path, operation, handlers.get(operation.operationId ?? ''));
  }
  closeRequestSchemas(document);
  return document;
}

/** By operation id, as Swagger makes it of class and method. */
function handlersOf(app: INestApplicationContext): Map<string, object> {
  const controllers = [...app.get(ModulesContainer, { strict: false }).values()].flatMap((module) => [...module.controllers.values()]);
  return new Map(controllers.flatMap(({ metatype }) => {
    const { name, prototype } = metatype as Type<object>;
    return Object.getOwnPropertyNames(prototype).map((method): [string, object] => [`${name}_${method}`, (prototype as Record<string, object>)[method]!]);
  }));
}

function complete(document: OpenAPIObject, method: string, path: string, operation: Operation, handler: object | undefined): void {
  const changing = !READING.has(method);
  const replayed = changing && handler !== undefined && isReplayed(handler);
  const previewed = changing && handler !== undefined && isPreviewed(handler);
  operation.parameters = [...pathParameters(path, operation), ...((operation.parameters ?? []) as Parameter[]).filter((parameter) => parameter.in !== 'path'), ...(replayed ? [IDEMPOTENCY_KEY] : []), ...(previewed ? [VALIDATE_ONLY] : [])];
  if (method === 'patch') takeMergePatches(operation);
  if (previewed) addPreview(operation);
  for (const [status, description] of Object.entries(problems(changing, path, operation))) operation.responses[status] ??= { description, content: PROBLEM };
  for (const [status, answer] of Object.entries(operation.responses)) addHeaders(document, status, answer as Answer, replayed);
}

function pathParameters(path: string, operation: Operation): Parameter[] {
  const declared = (operation.parameters ?? []) as Parameter[];
  return [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => {
    const known = declared.find((parameter) => parameter.in === 'path' && parameter.name === name);
    const { schema, description } = PATH_PARTS[name!] ?? NAME_PART;
    return { description, ...known, name: name!, in: 'path', required: true, schema: { ...(known?.schema as object | undefined), ...schema } };
  });
}

const IDEMPOTENCY_KEY: Parameter = { name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' }, description: 'The same key with the same request gives the first answer again.' };
const VALIDATE_ONLY: Parameter = { name: 'validateOnly', in: 'query', required: false, schema: { type: 'boolean' }, description: 'Check everything, change nothing.' };

function takeMergePatches(operation: Operation): void {
  const content = (operation.requestBody as { content?: Record<string, object> } | undefined)?.content;
  if (content?.['application/json']) content['application/merge-patch+json'] ??= content['application/json'];
}

/** `validateOnly` is answered 200 with what the change would be answered with. */
function addPreview(operation: Operation): void {
  const made = (operation.responses['201'] ?? operation.responses['202']) as Answer | undefined;
  if (made?.content) operation.responses['200'] ??= { description: 'validateOnly: what the change would be answered with. Nothing was changed.', content: made.content };
}

/** Problems an operation may answer, beside those it declares itself. */
function problems(changing: boolean, path: string, operation: Operation): Record<string, string> {
  const takes = (name: string): boolean => ((operation.parameters ?? []) as Parameter[]).some((parameter) => parameter.name === name);
  return {
    '400': 'The request cannot be read.',
    '401': 'No valid credential.',
    '403': 'The caller may not do this, or a quota does not allow it.',
    ...(path.includes('{') ? { '404': 'Missing, or not visible to the caller.' } : {}),
    ...(changing ? { '409': 'In conflict with the present state.' } : {}),
    ...(takes('If-Match') ? { '412': 'If-Match did not match.' } : {}),
    // Bodies are read, and limited, also where none is asked for.
    ...(changing ? { '413': 'Too large.', '415': 'Media type not supported.' } : {}),
    '422': 'Not valid; `errors` points at the fields.',
    '429': 'Too many requests; see Retry-After.',
    '431': 'Address and header fields are longer than 16 KiB.',
    '503': 'A part the platform depends on is down; try again.',
  };
}

function addHeaders(document: OpenAPIObject, status: string, answer: Answer, replayed: boolean): void {
  const good = status.startsWith('2');
  const schema = answer.content?.['application/json']?.schema as { $ref?: string } | undefined;
  const body = schema?.$ref ? document.components?.schemas?.[schema.$ref.split('/').at(-1)!] : undefined;
  const tagged = good && body !== undefined && 'properties' in body && body.properties?.etag !== undefined;
  answer.headers = {
    ...HEADERS.requestId,
    ...(tagged ? HEADERS.etag : {}),
    ...(status === '201' || status === '202' ? HEADERS.location : {}),
    ...(good && replayed ? HEADERS.replayed : {}),
    ...(status === '401' ? HEADERS.challenge : {}),
    ...(status === '429' || status === '503' ? HEADERS.retry : {}),
    ...answer.headers,
  };
}
