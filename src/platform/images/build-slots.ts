interface Waiting {
  start: () => void;
}

/**
 * Lets a bounded number of builds run at once and takes the waiting ones in turn by tenant, so that a tenant with a
 * hundred builds does not stand in the way of one with a single build.
 */
export class BuildSlots {
  private readonly queues = new Map<string, Waiting[]>();
  private free: number;

  constructor(places: number) {
    this.free = places;
  }

  /** Runs `work` when it is the tenant's turn. A signal aborted meanwhile rejects with its reason. */
  async run<T>(tenantId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.enter(tenantId, signal);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  private async enter(tenantId: string, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.free > 0) {
      this.free -= 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        start: () => {
          signal?.removeEventListener('abort', abandon);
          resolve();
        },
      };
      const abandon = (): void => {
        this.forget(tenantId, waiting);
        reject(signal!.reason as Error);
      };
      signal?.addEventListener('abort', abandon, { once: true });
      const queue = this.queues.get(tenantId);
      if (queue) queue.push(waiting);
      else this.queues.set(tenantId, [waiting]);
    });
  }

  /** Hands the place to the tenant that has waited longest since its last turn. */
  private leave(): void {
    const next = this.queues.entries().next();
    if (next.done) {
      this.free += 1;
      return;
    }
    const [tenantId, queue] = next.value;
    const first = queue.shift()!;
    this.queues.delete(tenantId);
    if (queue.length > 0) this.queues.set(tenantId, queue);
    first.start();
  }

  private forget(tenantId: string, waiting: Waiting): void {
    const queue = this.queues.get(tenantId)?.filter((other) => other !== waiting) ?? [];
    if (queue.length > 0) this.queues.set(tenantId, queue);
    else this.queues.delete(tenantId);
  }
}
