import { DomainError } from '../errors/domain-error.js';

/** Far more than any request of this API has; what is nested deeper could exhaust the stack of what walks over it. */
export const MAX_JSON_DEPTH = 200;

class ForbiddenName extends Error {}

const DECODER = new TextDecoder('utf-8', { fatal: true });
const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = Buffer.from('"\\[]{}');

/**
 * The parser's own message quotes the body, which may hold a secret: only the place is told.
 * @throws {DomainError} JSON_INVALID, JSON_TOO_DEEP.
 */
export function parseJson(body: Buffer): unknown {
  if (depthOf(body) > MAX_JSON_DEPTH) throw new DomainError('malformed', 'JSON_TOO_DEEP', `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
  try {
    return JSON.parse(DECODER.decode(body), (key, value: unknown) => {
      if (key === '__proto__') throw new ForbiddenName();
      return value;
    }) as unknown;
  } catch (error) {
    const place = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
    const what = error instanceof ForbiddenName ? 'the name __proto__ is not allowed' : error instanceof SyntaxError ? `it breaks off or is garbled${place ? ` ${place}` : ''}` : 'it is not UTF-8 text';
    throw new DomainError('malformed', 'JSON_INVALID', `The body is not valid JSON: ${what}.`);
  }
}

/** Deepest nesting, found without a stack: the parser must not be asked first. */
function depthOf(body: Buffer): number {
  let deepest = 0;
  let depth = 0;
  let inText = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) deepest = Math.max(deepest, (depth += 1));
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
  }
  return deepest;
}
