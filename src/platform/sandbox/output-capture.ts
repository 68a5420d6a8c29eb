/** Keeps the first and the last half of a stream within a limit, so that a flood of output costs no memory. */
export class OutputCapture {
  private readonly head: Buffer[] = [];
  private headBytes = 0;
  private tail: Buffer[] = [];
  private tailBytes = 0;
  private dropped = 0;
  private readonly half: number;

  constructor(limit: number) {
    this.half = Math.max(1, Math.floor(limit / 2));
  }

  add(chunk: Buffer): void {
    const room = this.half - this.headBytes;
    if (room > 0) {
      const part = chunk.subarray(0, room);
      this.head.push(part);
      this.headBytes += part.length;
    }
    if (chunk.length > room) this.addTail(room > 0 ? chunk.subarray(room) : chunk);
  }

  private addTail(chunk: Buffer): void {
    this.tail.push(chunk);
    this.tailBytes += chunk.length;
    while (this.tailBytes > this.half) {
      const first = this.tail[0]!;
      const surplus = Math.min(this.tailBytes - this.half, first.length);
      if (surplus === first.length) this.tail.shift();
      else this.tail[0] = first.subarray(surplus);
      this.tailBytes -= surplus;
      this.dropped += surplus;
    }
  }

  text(): string {
    const middle = this.dropped > 0 ? `\n... ${this.dropped} bytes left out ...\n` : '';
    return Buffer.concat(this.head).toString('utf8') + middle + Buffer.concat(this.tail).toString('utf8');
  }
}
