/** So many tokens a second, and at most `burst` at once. */
export interface Rate {
  perSecond: number;
  burst: number;
}

export const RATE_FORM = 'must be RATE:BURST, e.g. 50:500 (tokens a second, and at most so many at once), or 0 for no limit';

const LARGEST = 1_000_000;

/** `50:500` as a rate, `0` as null (no limit), undefined where it is neither. */
export function parseRate(text: string): Rate | null | undefined {
  if (text === '0') return null;
  const match = /^(\d{1,7}(?:\.\d{1,3})?):(\d{1,7})$/.exec(text);
  const rate = { perSecond: Number(match?.[1]), burst: Number(match?.[2]) };
  return match && rate.perSecond > 0 && rate.perSecond <= LARGEST && rate.burst >= 1 && rate.burst <= LARGEST ? rate : undefined;
}

/** Tokens in a bucket that will be full at `fullAt` (epoch ms) when nobody takes any. */
export function tokensAt(rate: Rate, fullAt: number, now: number): number {
  return Math.min(rate.burst, rate.burst - ((fullAt - now) * rate.perSecond) / 1000);
}

/** Milliseconds until `tokens` are there. */
export function waitFor(rate: Rate, tokens: number, there: number): number {
  return Math.max(0, Math.ceil(((tokens - there) / rate.perSecond) * 1000));
}

/** Retry-After counts whole seconds; a token that is due in a moment is one second away. */
export function retryAfterSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}
