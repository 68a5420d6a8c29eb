/** Admits `perSecond` on average and `burst` at once. Times are monotonic milliseconds (`performance.now()`). */
export class TokenBucket {
  private tokens: number;
  private refilledAt: number;

  constructor(
    private perSecond: number,
    private burst: number,
    nowMs: number,
  ) {
    this.tokens = burst;
    this.refilledAt = nowMs;
  }

  /** New rates keep the tokens that are left, so that a change of plan opens no second burst. */
  configure(perSecond: number, burst: number): void {
    this.perSecond = perSecond;
    this.burst = burst;
    this.tokens = Math.min(this.tokens, burst);
  }

  get limit(): number {
    return this.perSecond;
  }

  /** Takes one token: 0 when admitted, otherwise the milliseconds until one is there. */
  take(nowMs: number): number {
    const elapsed = nowMs - this.refilledAt;
    if (elapsed > 0) {
      this.tokens = Math.min(this.burst, this.tokens + (elapsed * this.perSecond) / 1000);
      this.refilledAt = nowMs;
    }
    if (this.tokens >= 1) {
      this.tokens -= 1;
      return 0;
    }
    return this.perSecond > 0 ? Math.max(1, Math.ceil(((1 - this.tokens) * 1000) / this.perSecond)) : 60_000;
  }
}
