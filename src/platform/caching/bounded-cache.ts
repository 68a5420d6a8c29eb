/** A map with a size limit and a time to live: the oldest entry goes when it is full. */
export class BoundedCache<Key, Value> {
  private readonly entries = new Map<Key, { value: Value; until: number }>();

  constructor(
    private readonly limit: number,
    private readonly ttlMs: number,
  ) {}

  get(key: Key): Value | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.until > Date.now()) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  /** @param until epoch ms after which the entry must not be used, where that is sooner than the time to live. */
  set(key: Key, value: Value, until: number = Number.POSITIVE_INFINITY): void {
    if (this.entries.size >= this.limit && !this.entries.has(key)) this.entries.delete(this.entries.keys().next().value!);
    this.entries.set(key, { value, until: Math.min(until, Date.now() + this.ttlMs) });
  }

  delete(key: Key): void {
    this.entries.delete(key);
  }

  /** All that may still be used. */
  *live(): Generator<[Key, Value]> {
    const now = Date.now();
    for (const [key, { value, until }] of this.entries) if (until > now) yield [key, value];
  }

  clear(): void {
    this.entries.clear();
  }
}
