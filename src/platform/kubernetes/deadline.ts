/** Ends a request by abort: at its time limit, or when the caller's signal says so. */
export class Deadline {
  expired = false;
  private readonly controller = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private kept = false;
  private readonly onAbort = (): void => this.controller.abort(this.outer?.reason);

  constructor(timeoutMs: number, private readonly outer: AbortSignal | undefined) {
    this.timer = setTimeout(() => {
      this.expired = true;
      this.controller.abort();
    }, timeoutMs);
    if (outer?.aborted) this.onAbort();
    else outer?.addEventListener('abort', this.onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The time limit no longer counts, the caller's signal goes on to. */
  keepSignal(): void {
    this.kept = true;
  }

  end(): void {
    clearTimeout(this.timer);
    if (!this.kept) this.outer?.removeEventListener('abort', this.onAbort);
  }
}
