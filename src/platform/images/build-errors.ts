import { DomainError, type ErrorKind } from '../errors/domain-error.js';

/** Codes of builds, each with its one kind: `invalid` lies with the function's author, the others with the platform or a registry. */
export const BUILD_ERROR_KINDS = {
  BUILD_HANDLER_INVALID: 'invalid',
  BUILD_HANDLER_MISSING: 'invalid',
  BUILD_COMPILE_FAILED: 'invalid',
  BUILD_DEPENDENCIES_REFUSED: 'invalid',
  BUILD_DEPENDENCIES_FAILED: 'invalid',
  BUILD_TOO_LARGE: 'too-large',
  BUILD_TIMEOUT: 'timeout',
  BUILD_DEPENDENCIES_UNAVAILABLE: 'unavailable',
  BUILD_TOOL_MISSING: 'unavailable',
} as const satisfies Record<string, ErrorKind>;
export type BuildErrorCode = keyof typeof BUILD_ERROR_KINDS;

export class BuildError extends DomainError<BuildErrorCode> {
  constructor(code: BuildErrorCode, message: string, cause?: unknown) {
    super(BUILD_ERROR_KINDS[code], code, message, { cause });
    this.name = 'BuildError';
  }
}

const LINES_SHOWN = 25;
const CHARACTERS_SHOWN = 3_000;

/** A tool's output as it fits into a condition: the first lines, no control characters, a word about the rest. */
export function shownLines(lines: readonly string[]): string {
  // eslint-disable-next-line no-control-regex
  const clean = lines.map((line) => line.replace(/\u001b\[[0-9;]*m/g, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '').trimEnd()).filter((line) => line !== '');
  const kept = clean.slice(0, LINES_SHOWN);
  const more = clean.length > kept.length ? `\n(${clean.length - kept.length} more lines)` : '';
  return kept.join('\n').slice(0, CHARACTERS_SHOWN) + more;
}
