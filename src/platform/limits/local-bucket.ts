import { tokensAt, waitFor, type Rate } from './rate.policy.js';

/** A token bucket of this process alone. Times are epoch ms. */
export class LocalBucket {
  private fullAt = 0;

  constructor(private readonly rate: Rate) {}

  take(tokens: number, now: number): boolean {
    if (this.tokens(now) < tokens) return false;
    this.fullAt = Math.max(this.fullAt, now) + (tokens / this.rate.perSecond) * 1000;
    return true;
  }

  giveBack(tokens: number): void {
    this.fullAt -= (tokens / this.rate.perSecond) * 1000;
  }

  tokens(now: number): number {
    return tokensAt(this.rate, this.fullAt, now);
  }

  waitMs(tokens: number, now: number): number {
    return waitFor(this.rate, tokens, this.tokens(now));
  }
}
