const LEAST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** Weight of the newest run in the mean. */
const NEWEST = 0.1;

interface Tenant {
  running: number;
  /** Mean length of a run; 0 before the first has ended. */
  runMs: number;
  /** When room was last given back, or first taken. */
  movedAt: number;
  /** When the last of those that found no room was told to ask again. */
  askAt: number;
}

/**
 * Room for runs of each tenant in one process. Those that find none come back in a second, or later one after the other at twice the pace
 * at which room gets free: a tenant with very many waiting would else keep the queue busy with nothing but asking.
 */
export class TenantRoom {
  private readonly tenants = new Map<string, Tenant>();

  constructor(
    private readonly most: number,
    private readonly now: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {}

  /** Takes room until {@link leave}. @returns undefined, or, where there is none, the ms after which to ask again. */
  enter(tenantId: string): number | undefined {
    const tenant = this.tenants.get(tenantId) ?? { running: 0, runMs: 0, movedAt: this.now(), askAt: 0 };
    if (tenant.running >= this.most) return this.putOff(tenant);
    tenant.running += 1;
    this.tenants.set(tenantId, tenant);
    return undefined;
  }

  /** @param tookMs how long the room was held. */
  leave(tenantId: string, tookMs: number): void {
    const tenant = this.tenants.get(tenantId);
    if (!tenant) return;
    tenant.running -= 1;
    tenant.runMs = tenant.runMs === 0 ? tookMs : tenant.runMs * (1 - NEWEST) + tookMs * NEWEST;
    tenant.movedAt = this.now();
    if (tenant.running === 0) this.tenants.delete(tenantId);
  }

  private putOff(tenant: Tenant): number {
    const now = this.now();
    // Where nothing has ended for long, runs take at least that long.
    const pace = Math.max(tenant.runMs, now - tenant.movedAt) / this.most / 2;
    tenant.askAt = Math.max(now + LEAST_WAIT_MS, tenant.askAt + pace);
    const wait = Math.round(tenant.askAt - now);
    if (wait < LONGEST_WAIT_MS) return wait;
    tenant.askAt = now + LONGEST_WAIT_MS;
    return Math.round(LONGEST_WAIT_MS * (0.5 + this.random() / 2));
  }
}
