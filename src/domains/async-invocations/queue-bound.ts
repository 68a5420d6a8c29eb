import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import type { SystemContext, TenantContext } from '../../platform/context/context.js';
import { asyncQueueFull } from './async-invocations.errors.js';
import type { AsyncInvocationsRepository } from './store/async-invocations.repository.js';

const MOST_QUEUED = 100_000;
const REMEMBERED_TENANTS = 10_000;
const REMEMBERED_MS = 1_000;

interface Known {
  queued: number;
}

/** How many invocations of a tenant may wait: counted at most once a second in a process, and by its own acceptances in between. */
export class QueueBound {
  private readonly known = new BoundedCache<string, Promise<Known>>(REMEMBERED_TENANTS, REMEMBERED_MS);

  constructor(
    private readonly rows: Pick<AsyncInvocationsRepository, 'countQueued' | 'countQueuedOf'>,
    private readonly most: number = MOST_QUEUED,
  ) {}

  /** Takes room for so many more. @throws {DomainError} ASYNC_QUEUE_FULL. */
  async admit(context: TenantContext, more = 1): Promise<void> {
    const known = await this.lookUp(context);
    if (known.queued + more > this.most) throw asyncQueueFull(this.most);
    known.queued += more;
  }

  /** Takes room for one of each of so many. @returns the tenants that have none; those that occur often may find room for some. */
  async admitEach(context: SystemContext, tenantIds: readonly string[]): Promise<(tenantId: string) => boolean> {
    const strange = [...new Set(tenantIds)].filter((id) => this.known.get(id) === undefined);
    if (strange.length > 0) {
      const counts = await this.rows.countQueuedOf(context, strange, this.most);
      for (const id of strange) this.known.set(id, Promise.resolve({ queued: counts.get(id) ?? 0 }));
    }
    const known = new Map(await Promise.all([...new Set(tenantIds)].map(async (id) => [id, await this.known.get(id)] as const)));
    return (tenantId) => {
      const found = known.get(tenantId);
      if (!found || found.queued >= this.most) return false;
      found.queued += 1;
      return true;
    };
  }

  private lookUp(context: TenantContext): Promise<Known> {
    const found = this.known.get(context.tenantId);
    if (found) return found;
    const counting = this.rows.countQueued(context, this.most).then((queued) => ({ queued }));
    this.known.set(context.tenantId, counting);
    counting.catch(() => this.known.delete(context.tenantId));
    return counting;
  }
}
