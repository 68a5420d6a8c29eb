import type { Logger } from 'pino';
import { partLogger } from '../observability/logger.js';
import type { KubernetesClient } from './kubernetes-client.js';
import { isConflict, isNotFound } from './kubernetes-errors.js';
import type { Lease } from './kubernetes-object.js';
import { RESOURCE } from './resource-type.js';

export interface LeaderElectionOptions {
  client: KubernetesClient;
  namespace: string;
  name: string;
  /** Unique for each process. */
  identity: string;
  onElected: () => void;
  /** Also called by {@link LeaderElection.stop}, before the lease is released. */
  onDeposed: () => void | Promise<void>;
  /** How long others wait after the last renewal. Default 15,000. */
  leaseDurationMs?: number;
  /** A leader that cannot renew for so long steps down. Default 10,000. */
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
}

/**
 * One leader among processes by a `coordination.k8s.io` Lease, by client-go's rules: a lease counts as abandoned only when it
 * has not changed for its whole duration by this process's own clock, so that clocks need not agree.
 */
export class LeaderElection {
  private readonly log: Logger;
  private readonly leaseMs: number;
  private readonly renewMs: number;
  private readonly retryMs: number;
  private readonly controller = new AbortController();
  private running: Promise<void> | undefined;
  private leading = false;
  private renewedAt = 0;
  private observed: { record: string; at: number } | undefined;
  private lastLease: Lease | undefined;

  constructor(private readonly options: LeaderElectionOptions) {
    this.leaseMs = options.leaseDurationMs ?? 15_000;
    this.renewMs = options.renewDeadlineMs ?? 10_000;
    this.retryMs = options.retryPeriodMs ?? 2_000;
    this.log = partLogger('leader-election').child({ lease: `${options.namespace}/${options.name}`, identity: options.identity });
  }

  get isLeader(): boolean {
    return this.leading;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Steps down and gives the lease back, so that another takes over at once. */
  async stop(): Promise<void> {
    this.controller.abort();
    await this.running;
    if (this.leading) await this.depose();
    // Also when the lease was got while stopping: it must not keep others waiting.
    if (this.lastLease?.spec?.holderIdentity !== this.options.identity) return;
    await this.release().catch((error: unknown) => this.log.warn({ err: error }, 'the lease could not be released; it runs out by itself'));
  }

  private async run(): Promise<void> {
    while (!this.controller.signal.aborted) {
      try {
        await this.tryAcquireOrRenew();
      } catch (error) {
        if (!isConflict(error)) this.log.warn({ err: error }, 'lease not acquired or renewed');
      }
      if (this.controller.signal.aborted) return;
      if (this.leading && performance.now() - this.renewedAt >= this.renewMs) {
        this.log.warn('lease not renewed in time: stepping down');
        await this.depose();
      }
      await this.pause(this.leading ? this.retryMs : this.retryMs * (1 + Math.random() * 0.2));
    }
  }

  private async tryAcquireOrRenew(): Promise<void> {
    const { client, namespace, name, identity } = this.options;
    const startedAt = performance.now();
    const timeoutMs = Math.min(5_000, this.renewMs / 2);
    const lease = this.leading && this.lastLease ? this.lastLease : await client.find<Lease>(RESOURCE.lease, { namespace, name }, { timeoutMs });
    if (lease && lease.spec?.holderIdentity && lease.spec.holderIdentity !== identity && !this.isAbandoned(lease)) {
      if (this.leading) await this.depose();
      return;
    }
    try {
      this.lastLease = lease
        ? await client.replace<Lease>(RESOURCE.lease, this.renewed(lease), { timeoutMs })
        : await client.create<Lease>(RESOURCE.lease, this.renewed(undefined), { timeoutMs });
    } catch (error) {
      // Somebody else wrote it: read it next time instead of trusting what we hold.
      if (isConflict(error) || isNotFound(error)) this.lastLease = undefined;
      throw error;
    }
    this.renewedAt = startedAt;
    if (!this.leading && !this.controller.signal.aborted) {
      this.leading = true;
      this.log.info('elected');
      this.options.onElected();
    }
  }

  private isAbandoned(lease: Lease): boolean {
    const record = JSON.stringify(lease.spec);
    const now = performance.now();
    if (this.observed?.record !== record) this.observed = { record, at: now };
    const durationMs = (lease.spec?.leaseDurationSeconds ?? this.leaseMs / 1_000) * 1_000;
    return now - this.observed.at >= durationMs;
  }

  private renewed(lease: Lease | undefined): Lease {
    const { namespace, name, identity } = this.options;
    const now = new Date().toISOString().replace('Z', '000Z');
    const held = lease?.spec?.holderIdentity === identity;
    return {
      metadata: { name, namespace, ...(lease?.metadata.resourceVersion ? { resourceVersion: lease.metadata.resourceVersion } : {}) },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.max(1, Math.round(this.leaseMs / 1_000)),
        acquireTime: held ? lease?.spec?.acquireTime ?? now : now,
        renewTime: now,
        leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (lease && !held ? 1 : 0),
      },
    };
  }

  private async depose(): Promise<void> {
    this.leading = false;
    try {
      await this.options.onDeposed();
    } catch (error) {
      this.log.error({ err: error }, 'stepping down failed');
    }
  }

  private async release(): Promise<void> {
    const lease = this.lastLease;
    if (!lease) return;
    this.lastLease = undefined;
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 };
    await this.options.client.replace(RESOURCE.lease, { ...lease, spec } as Lease, { timeoutMs: 3_000 });
    this.log.info('lease released');
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.controller.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.controller.signal.addEventListener('abort', done, { once: true });
    });
  }
}
