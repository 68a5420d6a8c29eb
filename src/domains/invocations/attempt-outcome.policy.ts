import { DomainError } from '../../platform/errors/domain-error.js';

/** Why the last try was none or failed. */
export interface AttemptError {
  code: string;
  message: string;
}

/** How one try went: the function's own status, or why it was not reached. */
export type AttemptAnswer =
  | { from: 'function'; status: number }
  | { from: 'platform'; code: string; message: string; retryAfterSeconds?: number | undefined };

/** What is known of an invocation at a try. */
export interface AttemptFacts {
  /** Counted before this one. */
  attempts: number;
  maxAttempts: number;
  /** How often it was put off since the last one that counted. */
  waits: number;
  /** Until it expires. */
  leftMs: number;
  /** Longest pause. Absent: {@link BACKOFF_LAST_MS}. */
  longestMs?: number;
}

/** `counts`: whether it was a try, so that the number of them is used up. */
export type AttemptOutcome =
  | { next: 'succeeded'; counts: true }
  | { next: 'failed'; counts: boolean; error: AttemptError }
  | { next: 'again'; counts: boolean; delayMs: number; error: AttemptError };

export const BACKOFF_FIRST_MS = 1_000;
export const BACKOFF_LAST_MS = 300_000;

/** Client errors that pass: those of time and rate. */
const PASSING = new Set([408, 425, 429]);
/** The function may have begun its work. */
const TRIED = new Set(['FUNCTION_TIMEOUT', 'FUNCTION_CONNECTION_LOST', 'INVOCATION_TIMEOUT']);
/** They are the request's own fault: no waiting makes it better. */
const HOPELESS = new Set(['REQUEST_MALFORMED', 'METHOD_NOT_ALLOWED', 'PAYLOAD_TOO_LARGE', 'HEADERS_TOO_LARGE', 'INVOCATION_PATH_INVALID', 'ASYNC_TOO_MANY_HOPS']);

/** Errors of the gateway's client; any other is the control plane's own. */
const OF_THE_WAY = new Set(['GATEWAY_UNAVAILABLE', 'INVOCATION_TIMEOUT', 'FUNCTION_CONNECTION_LOST', 'INVOCATION_PATH_INVALID']);

/** What an error of `FunctionCalls.call` says of a try; undefined where it is neither the function's nor the gateway's doing. */
export function answerOfError(error: unknown): Extract<AttemptAnswer, { from: 'platform' }> | undefined {
  if (!(error instanceof DomainError) || !OF_THE_WAY.has(error.code)) return undefined;
  return { from: 'platform', code: error.code, message: error.message, retryAfterSeconds: error.retryAfterSeconds };
}

/** Decides what becomes of an invocation after a try. @param random from 0 (inclusive) to 1. */
export function outcomeOf(answer: AttemptAnswer, facts: AttemptFacts, random: () => number): AttemptOutcome {
  if (answer.from === 'function') return ofStatus(answer.status, facts, random);
  const error = { code: answer.code, message: answer.message };
  if (TRIED.has(answer.code)) return triedInVain(error, facts, random);
  if (HOPELESS.has(answer.code)) return { next: 'failed', counts: false, error };
  return { next: 'again', counts: false, delayMs: Math.min(facts.leftMs, waitMs(facts, answer.retryAfterSeconds, random)), error };
}

function ofStatus(status: number, facts: AttemptFacts, random: () => number): AttemptOutcome {
  if (status < 400) return { next: 'succeeded', counts: true };
  const error = { code: 'FUNCTION_ERROR', message: `The function answered with status ${status}.` };
  return status >= 500 || PASSING.has(status) ? triedInVain(error, facts, random) : { next: 'failed', counts: true, error };
}

function triedInVain(error: AttemptError, { attempts, maxAttempts, leftMs, longestMs }: AttemptFacts, random: () => number): AttemptOutcome {
  if (attempts + 1 >= maxAttempts) return { next: 'failed', counts: true, error };
  return { next: 'again', counts: true, delayMs: Math.min(leftMs, Math.round(random() * ceilingMs(attempts, longestMs))), error };
}

/** At least half of the ceiling: a gateway that refuses is not to be asked at once. */
function waitMs({ waits, longestMs = BACKOFF_LAST_MS }: AttemptFacts, retryAfterSeconds: number | undefined, random: () => number): number {
  const backoff = Math.round(ceilingMs(waits, longestMs) * (0.5 + random() / 2));
  return Math.max(backoff, Math.min(longestMs, (retryAfterSeconds ?? 0) * 1_000));
}

function ceilingMs(before: number, longestMs = BACKOFF_LAST_MS): number {
  return Math.min(longestMs, BACKOFF_FIRST_MS * 2 ** Math.min(before, 20));
}
