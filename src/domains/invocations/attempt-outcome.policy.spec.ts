import { describe, expect, it } from 'vitest';
import { REFUSALS } from '../../gateway/refusals.policy.js';
import { BACKOFF_LAST_MS, outcomeOf, type AttemptAnswer, type AttemptFacts } from './attempt-outcome.policy.js';

const FIRST: AttemptFacts = { attempts: 0, maxAttempts: 3, waits: 0, leftMs: 3_600_000 };
const LAST: AttemptFacts = { ...FIRST, attempts: 2 };
const half = (): number => 0.5;
const almost = (): number => 0.999_999;

function answered(status: number): AttemptAnswer {
  return { from: 'function', status };
}

function refused(code: string, retryAfterSeconds?: number): AttemptAnswer {
  return { from: 'platform', code, message: 'Why.', retryAfterSeconds };
}

describe('a function\'s own answer', () => {
  it.each([200, 201, 204, 299, 301, 304, 399])('%i is a success', (status) => {
    expect(outcomeOf(answered(status), FIRST, half)).toEqual({ next: 'succeeded', counts: true });
  });

  it.each([408, 425, 429, 500, 502, 503, 504, 599])('%i is tried again until the last try', (status) => {
    const error = { code: 'FUNCTION_ERROR', message: `The function answered with status ${status}.` };
    expect(outcomeOf(answered(status), FIRST, half)).toEqual({ next: 'again', counts: true, delayMs: 500, error });
    expect(outcomeOf(answered(status), LAST, half)).toEqual({ next: 'failed', counts: true, error });
  });

  it.each([400, 401, 403, 404, 409, 410, 413, 422, 431, 451])('%i fails at once', (status) => {
    expect(outcomeOf(answered(status), FIRST, half)).toMatchObject({ next: 'failed', counts: true, error: { code: 'FUNCTION_ERROR' } });
  });
});

/** What each of the gateway's refusals comes to; a new one must be thought of here. */
const REFUSED: Record<keyof typeof REFUSALS, 'try' | 'wait' | 'failed'> = {
  REQUEST_MALFORMED: 'failed', METHOD_NOT_ALLOWED: 'failed', PAYLOAD_TOO_LARGE: 'failed', HEADERS_TOO_LARGE: 'failed',
  FUNCTION_TIMEOUT: 'try', FUNCTION_CONNECTION_LOST: 'try',
  AUTHENTICATION_REQUIRED: 'wait', TOKEN_CLAIMS_INSUFFICIENT: 'wait', CREDENTIAL_INVALID: 'wait', FUNCTION_SUSPENDED: 'wait', SPEND_LIMIT_REACHED: 'wait', FUNCTION_NOT_FOUND: 'wait', REQUEST_TIMEOUT: 'wait',
  RATE_LIMITED: 'wait', CONCURRENCY_LIMITED: 'wait', GATEWAY_ERROR: 'wait', AUTHENTICATION_UNAVAILABLE: 'wait', FUNCTION_NOT_READY: 'wait', FUNCTION_OVERLOADED: 'wait',
  GATEWAY_OVERLOADED: 'wait', CLUSTER_UNREACHABLE: 'wait',
};

describe('a refusal', () => {
  const said = { try: { next: 'again', counts: true }, wait: { next: 'again', counts: false }, failed: { next: 'failed', counts: false } } as const;

  it.each([...Object.entries(REFUSED), ['GATEWAY_UNAVAILABLE', 'wait'], ['INVOCATION_TIMEOUT', 'try'], ['SOMETHING_NEW', 'wait']] as [string, keyof typeof said][])('%s is taken for: %s', (code, kind) => {
    expect(outcomeOf(refused(code), FIRST, half)).toMatchObject({ ...said[kind], error: { code, message: 'Why.' } });
  });

  it('that is no try never uses up the last one', () => {
    expect(outcomeOf(refused('FUNCTION_SUSPENDED'), { ...LAST, waits: 50 }, almost)).toMatchObject({ next: 'again', counts: false, delayMs: BACKOFF_LAST_MS });
  });

  it('says itself when to come back, within bounds', () => {
    expect(outcomeOf(refused('RATE_LIMITED', 7), FIRST, half)).toMatchObject({ delayMs: 7_000 });
    expect(outcomeOf(refused('RATE_LIMITED', 86_400), FIRST, half)).toMatchObject({ delayMs: BACKOFF_LAST_MS });
  });
});

describe('the time until the next try', () => {
  it.each([[0, 1_000], [1, 2_000], [2, 4_000], [5, 32_000], [8, 256_000], [9, 300_000], [40, 300_000]])('after %i tries is anything up to %i ms', (attempts, ceiling) => {
    const facts = { ...FIRST, attempts, maxAttempts: 100 };
    expect(outcomeOf(answered(500), facts, () => 0)).toMatchObject({ delayMs: 0 });
    expect(outcomeOf(answered(500), facts, almost)).toMatchObject({ delayMs: ceiling });
  });

  it.each([[0, 500, 1_000], [3, 4_000, 8_000], [30, 150_000, 300_000]])('after %i waits is from %i to %i ms', (waits, least, most) => {
    expect(outcomeOf(refused('FUNCTION_NOT_READY'), { ...FIRST, waits }, () => 0)).toMatchObject({ delayMs: least });
    expect(outcomeOf(refused('FUNCTION_NOT_READY'), { ...FIRST, waits }, almost)).toMatchObject({ delayMs: most });
  });

  it('does not go beyond the end of the invocation, which is noticed then', () => {
    expect(outcomeOf(answered(500), { ...FIRST, leftMs: 100 }, almost)).toMatchObject({ delayMs: 100 });
    expect(outcomeOf(refused('FUNCTION_SUSPENDED'), { ...FIRST, waits: 9, leftMs: 100 }, almost)).toMatchObject({ delayMs: 100 });
  });
});
