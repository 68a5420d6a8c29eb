import type { EndedReason } from './webhook-states.js';

/** Why a try was no delivery; nothing of the answer's body. */
export interface DeliveryError {
  code: string;
  message: string;
}

/** How a try went: the status that was answered, or why there was none. */
export type DeliveryAnswer = { status: number } | { error: DeliveryError };

export interface DeliveryFacts {
  /** Since the last success, without this try. */
  failures: number;
  /** Since the first of them. */
  failingMs: number;
}

export type DeliveryOutcome =
  | { next: 'delivered' }
  | { next: 'again'; delayMs: number; error: DeliveryError }
  | { next: 'ended'; reason: EndedReason; error: DeliveryError };

export const BACKOFF_FIRST_MS = 5_000;
export const BACKOFF_LAST_MS = 3_600_000;
export const LONGEST_FAILING_MS = 3 * 86_400_000;
const GONE = 410;

/** Decides what follows from a try. @param random from 0 (inclusive) to 1: waits differ by up to a tenth, so that what broke together is not tried together. */
export function deliveryOutcome(answer: DeliveryAnswer, { failures, failingMs }: DeliveryFacts, random: () => number): DeliveryOutcome {
  if ('status' in answer && answer.status >= 200 && answer.status < 300) return { next: 'delivered' };
  const error = 'error' in answer ? answer.error : refusal(answer.status);
  if ('status' in answer && answer.status === GONE) return { next: 'ended', reason: 'gone', error };
  if (failures > 0 && failingMs >= LONGEST_FAILING_MS) return { next: 'ended', reason: 'failing', error };
  const backoff = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 20));
  return { next: 'again', delayMs: Math.round(backoff * (1 - random() / 10)), error };
}

function refusal(status: number): DeliveryError {
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return { code: 'WEBHOOK_REFUSED', message: `The address answered with status ${status}${redirect}.` };
}
