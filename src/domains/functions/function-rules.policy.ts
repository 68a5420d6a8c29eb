import { RESERVED_ENV_PREFIX, RUNTIME_ENV } from '../../contract/runtime.js';
import { MOST_SECRETS } from '../../contract/function-resource.js';
import { FUNCTION_NAME } from '../../contract/names.js';
import { inlineSource } from '../../platform/archives/source-archive.js';
import { DomainError, type FieldProblem } from '../../platform/errors/domain-error.js';
import { parseImageReference } from '../../platform/images/image-reference.js';
import { escapePointer } from '../../platform/rest/error-translation.js';
import type { FunctionBody } from './function-body.js';
import { releaseProblems } from './release-rules.policy.js';

export const INLINE_LIMITS = { files: 64, bytes: 256 * 1024 } as const;
export const ENVIRONMENT_LIMITS = { entries: 128, valueCharacters: 16 * 1024, bytes: 128 * 1024 } as const;
export const MOST_REFERENCES = MOST_SECRETS;

export const ENVIRONMENT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ARCHIVE = /^[0-9a-f]{64}$/;
/** `<file without ending>.<function>`; Python packages may be divided by dots, folders by slashes. */
const HANDLER: Record<'python' | 'node', RegExp> = {
  python: /^[A-Za-z_]\w*(?:[./][A-Za-z_]\w*)*\.[A-Za-z_]\w*$/,
  node: /^[\w@-][\w.@-]*(?:\/[\w@-][\w.@-]*)*\.[A-Za-z_$][\w$]*$/,
};

/**
 * Everything about a function that can be judged without looking anything up. Formats of single fields are checked at
 * the API too; here they are checked again, because a merge patch comes together only behind it.
 */
export function functionProblems(body: FunctionBody): FieldProblem[] {
  const malformed = textProblems(body, '');
  if (malformed.length > 0) return malformed;
  return [
    ...nameProblems(body.name),
    ...(body.runtime === 'image' ? imageProblems(body) : codeProblems(body)),
    ...handlerProblems(body),
    ...releaseProblems(body),
    ...environmentProblems(body.environment ?? {}),
    ...listProblems(body.configs ?? [], '/configs'),
    ...listProblems(body.secrets ?? [], '/secrets'),
    ...deliveryProblems(body),
  ];
}

function problem(pointer: string, message: string): FieldProblem {
  return { pointer, message };
}

function nameProblems(name: string): FieldProblem[] {
  if (!FUNCTION_NAME.test(name)) return [problem('/name', 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row')];
  // An address takes a name or an id.
  return UUID.test(name) ? [problem('/name', 'must not look like a UUID')] : [];
}

function imageProblems(body: FunctionBody): FieldProblem[] {
  const found: FieldProblem[] = [];
  if (body.source !== undefined) found.push(problem('/source', 'must be absent for the runtime image, which brings its code itself'));
  if (body.image === undefined) return [...found, problem('/image', 'must be given for the runtime image')];
  try {
    parseImageReference(body.image);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    found.push(problem('/image', error.message));
  }
  return found;
}

function codeProblems(body: FunctionBody): FieldProblem[] {
  const found: FieldProblem[] = [];
  if (body.image !== undefined) found.push(problem('/image', `belongs to the runtime image only; ${body.runtime} functions are deployed from source`));
  if (body.metering !== undefined) found.push(problem('/metering', 'can be chosen for the runtime image only; this runtime counts for itself'));
  const { archive, inline } = body.source ?? {};
  if (archive === undefined && inline === undefined) found.push(problem('/source', 'must hold archive (the SHA-256 of an uploaded archive) or inline (path and text of each file)'));
  else if (archive !== undefined && inline !== undefined) found.push(problem('/source', 'must hold either archive or inline, not both'));
  else if (archive !== undefined && !ARCHIVE.test(archive)) found.push(problem('/source/archive', 'must be 64 hexadecimal digits in lower case'));
  else if (inline !== undefined) found.push(...inlineProblems(inline));
  return found;
}

function inlineProblems(inline: Record<string, string>): FieldProblem[] {
  const names = Object.keys(inline);
  if (names.length === 0) return [problem('/source/inline', 'must hold at least one file')];
  if (names.length > INLINE_LIMITS.files) return [problem('/source/inline', `must hold at most ${INLINE_LIMITS.files} files; upload an archive for more`)];
  const bytes = Object.values(inline).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > INLINE_LIMITS.bytes) return [problem('/source/inline', `must hold at most ${INLINE_LIMITS.bytes / 1024} KiB in all; upload an archive for more`)];
  try {
    inlineSource(inline);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return [problem('/source/inline', error.message)];
  }
}

function handlerProblems({ runtime, handler }: FunctionBody): FieldProblem[] {
  if (handler === undefined) return [];
  if (runtime === 'image') return [problem('/handler', 'must be absent for the runtime image')];
  if (runtime === 'go') return [problem('/handler', 'must be absent for Go, whose handler is always func Handle in the root package')];
  if (HANDLER[runtime].test(handler)) return [];
  return [problem('/handler', `must be <file without ending>.<function>, for example handler.handle`)];
}

function environmentProblems(environment: Record<string, string>): FieldProblem[] {
  const entries = Object.entries(environment);
  if (entries.length > ENVIRONMENT_LIMITS.entries) return [problem('/environment', `must have at most ${ENVIRONMENT_LIMITS.entries} entries`)];
  const found = entries.flatMap(([name, value]) => {
    const pointer = `/environment/${escapePointer(name)}`;
    if (!ENVIRONMENT_NAME.test(name)) return [problem(pointer, 'is not a name of an environment variable: letters, digits and _ only, no digit first')];
    if (name === RUNTIME_ENV.port || name.startsWith(RESERVED_ENV_PREFIX)) return [problem(pointer, `is set by the platform: ${RUNTIME_ENV.port} and names that begin with ${RESERVED_ENV_PREFIX} are reserved`)];
    return value.length > ENVIRONMENT_LIMITS.valueCharacters ? [problem(pointer, `must have at most ${ENVIRONMENT_LIMITS.valueCharacters} characters`)] : [];
  });
  const bytes = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (bytes > ENVIRONMENT_LIMITS.bytes) found.push(problem('/environment', `must have at most ${ENVIRONMENT_LIMITS.bytes / 1024} KiB in all`));
  return found;
}

/** A variable of a running process cannot be changed from outside. */
function deliveryProblems({ secretDelivery }: FunctionBody): FieldProblem[] {
  if (secretDelivery?.updates !== 'live' || secretDelivery.as === 'files') return [];
  return [problem('/secretDelivery/updates', 'can be live only where secretDelivery.as is files: the environment of a running pod cannot change')];
}

function listProblems(names: readonly string[], pointer: string): FieldProblem[] {
  if (names.length > MOST_REFERENCES) return [problem(pointer, `must have at most ${MOST_REFERENCES} entries`)];
  return names.flatMap((name, index) => (names.indexOf(name) < index ? [problem(`${pointer}/${index}`, 'is in the list twice')] : []));
}

/** Text that is no valid Unicode, or has NUL in it, can be kept neither in the database nor in a pod's environment. */
function textProblems(value: unknown, pointer: string): FieldProblem[] {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0') ? [] : [problem(pointer, 'must be Unicode text without NUL characters')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const at = `${pointer}/${escapePointer(key)}`;
    return key.isWellFormed() && !key.includes('\0') ? textProblems(part, at) : [problem(pointer, 'has a name that is not Unicode text without NUL characters')];
  });
}
