import { describe, expect, it } from 'vitest';
import { BACKOFF_LAST_MS, deliveryOutcome, LONGEST_FAILING_MS } from './delivery-outcome.policy.js';

const FRESH = { failures: 0, failingMs: 0 };
const never = (): number => 0;

describe('what follows from a try', () => {
  it.each([200, 201, 204, 299])('status %i: it is delivered', (status) => {
    expect(deliveryOutcome({ status }, FRESH, never)).toEqual({ next: 'delivered' });
  });

  it.each([100, 301, 302, 400, 404, 429, 500, 503])('status %i: it is tried again', (status) => {
    expect(deliveryOutcome({ status }, FRESH, never)).toMatchObject({ next: 'again', delayMs: 5_000, error: { code: 'WEBHOOK_REFUSED', message: expect.stringContaining(String(status)) as string } });
  });

  it('410: it ends', () => {
    expect(deliveryOutcome({ status: 410 }, FRESH, never)).toMatchObject({ next: 'ended', reason: 'gone' });
  });

  it('no answer: it is tried again, and says why', () => {
    const error = { code: 'OUTBOUND_TIMEOUT', message: 'No.' };
    expect(deliveryOutcome({ error }, FRESH, never)).toEqual({ next: 'again', delayMs: 5_000, error });
  });

  it('waits double from 5 s to an hour, less at most a tenth', () => {
    const waits = [0, 1, 2, 3, 9, 10, 50].map((failures) => deliveryOutcome({ status: 500 }, { failures, failingMs: 1 }, never));
    expect(waits.map((outcome) => outcome.next === 'again' && outcome.delayMs)).toEqual([5_000, 10_000, 20_000, 40_000, 2_560_000, BACKOFF_LAST_MS, BACKOFF_LAST_MS]);
    expect(deliveryOutcome({ status: 500 }, FRESH, () => 0.999_999)).toMatchObject({ delayMs: 4_500 });
  });

  it('after three days of failures it ends; a success after so long is one', () => {
    const long = { failures: 80, failingMs: LONGEST_FAILING_MS };
    expect(deliveryOutcome({ status: 500 }, long, never)).toMatchObject({ next: 'ended', reason: 'failing' });
    expect(deliveryOutcome({ status: 500 }, { ...long, failingMs: LONGEST_FAILING_MS - 1 }, never)).toMatchObject({ next: 'again' });
    expect(deliveryOutcome({ status: 200 }, long, never)).toEqual({ next: 'delivered' });
  });
});
