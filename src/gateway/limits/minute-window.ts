const SLOT_MS = 1000;
/** A minute, and the second that is going on: what was admitted in any 60 seconds always lies within. */
const SLOTS = 61;

/**
 * Admits at most so many in any 60 seconds, also across the turn of a minute, where a counter for each minute would admit
 * twice as many. Room comes back a second late at most. Times are monotonic milliseconds (`performance.now()`).
 */
export class MinuteWindow {
  private readonly slots = new Uint32Array(SLOTS);
  private sum = 0;
  /** The second that was counted into last. */
  private now = 0;

  constructor(private most: number) {}

  /** What was admitted already counts against the new bound too. */
  configure(most: number): void {
    this.most = most;
  }

  /** 0 where there is room, otherwise the milliseconds until there is. Takes nothing. */
  waitMs(nowMs: number): number {
    this.advance(nowMs);
    if (this.sum < this.most) return 0;
    let gone = 0;
    for (let age = SLOTS - 1; age >= 0; age--) {
      gone += this.slots[(this.now - age + SLOTS) % SLOTS]!;
      if (this.sum - gone < this.most) return (this.now - age + SLOTS) * SLOT_MS - nowMs;
    }
    return SLOTS * SLOT_MS;
  }

  /** One was admitted; only after {@link waitMs} said that there is room at that time. */
  count(): void {
    this.slots[this.now % SLOTS]!++;
    this.sum++;
  }

  private advance(nowMs: number): void {
    const second = Math.floor(nowMs / SLOT_MS);
    for (let passed = Math.min(second - this.now, SLOTS); passed > 0; passed--) {
      const slot = (second - passed + 1) % SLOTS;
      this.sum -= this.slots[slot]!;
      this.slots[slot] = 0;
    }
    if (second > this.now) this.now = second;
  }
}
