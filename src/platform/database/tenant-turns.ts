import { DomainError } from '../errors/domain-error.js';

interface Waiter {
  admit(): void;
}

interface Line {
  held: number;
  waiting: Set<Waiter>;
}

export interface TenantTurnsOptions {
  /** Connections one tenant may hold at once. */
  perTenant: number;
  /** Work of one tenant that may wait for its turn, and how long each waits at most. */
  maxWaiting: number;
  maxWaitMs: number;
}

/**
 * Lines up each tenant's work before it takes a connection. Transactions that wait for one row lock would otherwise hold
 * every connection of the pool, and with it all other tenants, for as long as one tenant floods its own row.
 */
export class TenantTurns {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly options: TenantTurnsOptions) {}

  /**
   * Resolves when it is the caller's turn, who must then {@link leave}; undefined when it is at once.
   * @throws {DomainError} DATABASE_BUSY when the line is full or the wait too long.
   */
  enter(tenantId: string): Promise<void> | undefined {
    let line = this.lines.get(tenantId);
    if (!line) this.lines.set(tenantId, line = { held: 0, waiting: new Set() });
    if (line.held < this.options.perTenant) {
      line.held++;
      return undefined;
    }
    if (line.waiting.size >= this.options.maxWaiting) throw busy();
    return this.wait(line);
  }

  leave(tenantId: string): void {
    const line = this.lines.get(tenantId)!;
    // The place goes to the next one without being free in between: nobody who comes now can take it.
    for (const next of line.waiting) {
      line.waiting.delete(next);
      return next.admit();
    }
    line.held--;
    if (line.held === 0) this.lines.delete(tenantId);
  }

  private wait(line: Line): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        line.waiting.delete(waiter);
        reject(busy());
      }, this.options.maxWaitMs);
      line.waiting.add(waiter);
    });
  }
}

function busy(): DomainError {
  return new DomainError('unavailable', 'DATABASE_BUSY', 'Too much of this tenant\'s work is under way; send the request again.', { retryAfterSeconds: 1 });
}
