import { ValidationPipe, type ArgumentMetadata, type ValidationError } from '@nestjs/common';
import { isStorable, NOT_STORABLE } from '../database/storable-text.js';
import { DomainError } from '../errors/domain-error.js';
import { freeFormFields } from '../graphql/fields.js';
import { escapePointer, nothingHere, validationProblem } from './error-translation.js';
import { MAX_JSON_DEPTH } from './json-body.js';

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);
const NONE: ReadonlySet<string> = new Set();
const SCALARS = new Set<unknown>([String, Number, Boolean, Object, Array, Buffer]);

/** What class-validator found, on its way to the place that knows which part of the request was looked at. */
class Invalid extends Error {
  constructor(readonly errors: readonly ValidationError[]) {
    super('not valid');
  }
}

/** Nest drops the forbidden names without a word; a variable called so would be lost. They are refused instead. */
class StrictValidationPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    checkTexts(value, metadata);
    const found = findForbidden(value, '', 0, freeFormFields(metadata.metatype));
    if (found !== undefined) throw refusal(found, 'this name is not allowed');
    if (metadata.type === 'body' && isShape(metadata.metatype) && !isObject(value)) throw refusal('', 'the body must be a JSON object');
    try {
      return (await super.transform(metadata.type === 'query' ? withoutPreview(value) : value, metadata)) as unknown;
    } catch (error) {
      throw error instanceof Invalid ? validationProblem(error.errors, metadata.type === 'query' ? '?' : '/') : error;
    }
  }
}

function refusal(pointer: string, message: string): DomainError {
  return new DomainError('invalid', 'VALIDATION_FAILED', `${pointer === '' ? '' : `${pointer}: `}${message}.`, { fields: [{ pointer, message }] });
}

/** Bodies are checked field by field, by their decorators; what stands in addresses and single arguments is plain text. */
function checkTexts(value: unknown, { type, data }: ArgumentMetadata): void {
  if (type === 'param') {
    if (typeof value === 'string' && !isStorable(value)) throw nothingHere();
    return;
  }
  if (typeof value === 'string' && !isStorable(value)) throw refusal(`${type === 'query' ? '?' : '/'}${data ?? ''}`, NOT_STORABLE);
  if (type !== 'query' || !isObject(value)) return;
  for (const [name, text] of Object.entries(value)) if (typeof text === 'string' && !isStorable(text)) throw refusal(`?${name}`, NOT_STORABLE);
}

/** `validateOnly` belongs to changing routes as such and to no class of theirs: the interceptors have read it by now, or refused it. */
function withoutPreview(value: unknown): unknown {
  if (!isObject(value) || !('validateOnly' in value)) return value;
  const { validateOnly: _, ...rest } = value;
  return rest;
}

function isShape(type: unknown): boolean {
  return typeof type === 'function' && !SCALARS.has(type);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

function findForbidden(value: unknown, path: string, depth: number, free: ReadonlySet<string>): string | undefined {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || depth > MAX_JSON_DEPTH) return undefined;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const pointer = `${path}/${escapePointer(key)}`;
    const found = FORBIDDEN.has(key) ? pointer : free.has(key) ? undefined : findForbidden(item, pointer, depth + 1, NONE);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Unknown fields are refused, each wrong one is named by a pointer, values are not echoed. */
export function buildValidationPipe(): ValidationPipe {
  return new StrictValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    forbidUnknownValues: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors: ValidationError[]) => new Invalid(errors),
  });
}
