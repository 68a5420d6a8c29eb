import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Config } from '../../../platform/config/config.js';
import { systemContext } from '../../../platform/context/context.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { CONFIG } from '../../../platform/tokens.js';
import { LogIntakeRepository } from '../store/log-intake.repository.js';
import { LogLeasesRepository } from '../store/log-leases.repository.js';
import { ClusterLogs } from './cluster-logs.js';

const log = partLogger('logs');
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;

interface Collected {
  ending: AbortController;
  running: Promise<void>;
}

/** Collects what functions print from every cluster this process is connected to and nobody else collects from. */
@Injectable()
export class LogCollector implements OnModuleDestroy {
  private readonly context = systemContext('logs');
  private readonly holder = randomUUID();
  private readonly clusters = new Map<string, Collected>();

  constructor(
    private readonly intake: LogIntakeRepository,
    private readonly leases: LogLeasesRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Begins with a cluster, once; returns at once. */
  start(clusterId: string, clusterName: string, client: KubernetesClient): void {
    if (this.clusters.has(clusterId)) return;
    const ending = new AbortController();
    this.clusters.set(clusterId, { ending, running: this.run(clusterId, clusterName, client, ending.signal) });
  }

  /** Ends with one cluster; another process may take over at once. */
  async end(clusterId: string): Promise<void> {
    const collected = this.clusters.get(clusterId);
    this.clusters.delete(clusterId);
    collected?.ending.abort();
    await collected?.running;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.clusters.keys()].map((clusterId) => this.end(clusterId)));
  }

  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  private async run(clusterId: string, cluster: string, client: KubernetesClient, signal: AbortSignal): Promise<void> {
    let logs: ClusterLogs | undefined;
    while (!signal.aborted) {
      const held = await this.leases.take(this.context, clusterId, this.holder, LEASE_MS).catch((error: unknown) => {
        log.warn({ err: error, cluster }, 'it cannot be told who collects logs; trying again');
        return false;
      });
      if (held && !logs) {
        logs = new ClusterLogs(cluster, client, this.intake, { rate: this.config.FNPLANE_LOG_TENANT_RATE, days: this.config.FNPLANE_LOG_DAYS });
        logs.start();
      }
      if (!held) {
        await logs?.stop();
        logs = undefined;
      }
      await pause(RENEW_MS, undefined, { signal }).catch(() => undefined);
    }
    await logs?.stop();
    await this.leases.release(this.context, clusterId, this.holder).catch(() => undefined);
  }
}
