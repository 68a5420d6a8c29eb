/** A map bounded by the bytes of its values: what was not used for longest goes first. */
export class ByteCache {
  private readonly entries = new Map<string, Buffer>();
  private size = 0;

  constructor(private readonly limit: number) {}

  get bytes(): number {
    return this.size;
  }

  get(key: string): Buffer | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  /** What is larger than the whole is not kept. */
  set(key: string, value: Buffer): void {
    this.size -= this.entries.get(key)?.length ?? 0;
    this.entries.delete(key);
    if (value.length > this.limit) return;
    this.entries.set(key, value);
    this.size += value.length;
    for (const [oldest, { length }] of this.entries) {
      if (this.size <= this.limit) return;
      this.entries.delete(oldest);
      this.size -= length;
    }
  }
}
