import { setTimeout as pause } from 'node:timers/promises';
import { CleanAsyncInvocationsJob } from '../domains/async-invocations/jobs/clean-async-invocations.job.js';
import { RunAsyncInvocationJob } from '../domains/async-invocations/jobs/run-async-invocation.job.js';
import { CheckSpendJob } from '../domains/billing/jobs/check-spend.job.js';
import { SpendGauges } from '../domains/billing/spend-gauges.js';
import { ClusterBootstrap } from '../domains/clusters/cluster/cluster-bootstrap.js';
import { ClusterConnector, type ConnectionHooks } from '../domains/clusters/cluster/cluster-connector.js';
import { PlacementWatch } from '../domains/clusters/cluster/placement.watch.js';
import { ClusterRegistry } from '../domains/clusters/cluster-registry.js';
import { ClusterHeartbeatJob } from '../domains/clusters/jobs/cluster-heartbeat.job.js';
import { MoveTenantJob } from '../domains/clusters/jobs/move-tenant.job.js';
import { RewrapSecretsJob } from '../domains/configuration/jobs/rewrap-secrets.job.js';
import { CRON_NEWS } from '../domains/cron-triggers/cron-news.js';
import { CronLoop } from '../domains/cron-triggers/cron-loop.js';
import { CleanEventsJob } from '../domains/events/jobs/clean-events.job.js';
import { FunctionWatch } from '../domains/functions/cluster/function.watch.js';
import { CleanCodeJob } from '../domains/functions/jobs/clean-code.job.js';
import { ReconcileFunctionJob } from '../domains/functions/jobs/reconcile-function.job.js';
import { CleanLogsJob } from '../domains/logs/jobs/clean-logs.job.js';
import { LogCollector } from '../domains/logs/cluster/log-collector.js';
import { CleanFunctionMetricsJob } from '../domains/metering/jobs/clean-function-metrics.job.js';
import { ConsumeKafkaJob } from '../domains/kafka-triggers/jobs/consume-kafka.job.js';
import { WarmPoolWatch } from '../domains/pools/cluster/warm-pool.watch.js';
import { TenantJob } from '../domains/tenants/jobs/tenant.job.js';
import { DeliverWebhookJob } from '../domains/webhooks/jobs/deliver-webhook.job.js';
import { required, type Config } from '../platform/config/config.js';
import { systemContext } from '../platform/context/context.js';
import { JobQueue } from '../platform/jobs/job-queue.js';
import { JobQueueGauges } from '../platform/jobs/job-queue-gauges.js';
import { JobRunner, type JobHandler } from '../platform/jobs/job-runner.js';
import { backoffMs } from '../platform/kubernetes/backoff.js';
import type { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import { partLogger } from '../platform/observability/logger.js';
import type { ControlPlane } from './control-plane.js';

const log = partLogger('worker');

/** Every kind of keyed work there is. */
const HANDLERS = [
  TenantJob, ClusterHeartbeatJob, MoveTenantJob, ReconcileFunctionJob, CleanCodeJob, CheckSpendJob, RewrapSecretsJob, RunAsyncInvocationJob, CleanAsyncInvocationsJob, CleanLogsJob, CleanFunctionMetricsJob,
  ConsumeKafkaJob, DeliverWebhookJob, CleanEventsJob,
] as const;

/** Brings clusters in line with Postgres: runs the keyed work and hears of what changes on the clusters. */
export class WorkerRole {
  private readonly handlers: readonly JobHandler[];
  private readonly runner: JobRunner;
  private readonly gauges: JobQueueGauges;
  private readonly stopping = new AbortController();
  private connecting: Promise<void> | undefined;
  private connected = false;
  private readonly hooks: ConnectionHooks & Required<Pick<ConnectionHooks, 'opened'>>;

  constructor(
    config: Config,
    private readonly plane: ControlPlane,
    private readonly cluster: KubernetesClient,
  ) {
    this.handlers = HANDLERS.map((type): JobHandler => plane.app.get<JobHandler>(type, { strict: false }));
    const { app } = plane;
    this.hooks = {
      opened: ({ id, name }, client) => {
        app.get(PlacementWatch, { strict: false }).start(id, client);
        for (const watch of this.named()) watch.start(id, name, client);
      },
      closed: async (id) => {
        await Promise.all(this.watches().map((watch) => watch.end(id)));
      },
    };
    this.runner = new JobRunner(plane.database, required(config, 'DATABASE_URL'), this.handlers);
    this.gauges = new JobQueueGauges(plane.database, this.handlers.map(({ kind }) => kind));
  }

  /** A cluster that does not answer keeps the worker from nothing: its jobs wait and say why. */
  async start(): Promise<void> {
    const cluster = await this.plane.app.get(ClusterRegistry, { strict: false }).register(this.cluster);
    await this.askForStanding();
    this.startCron();
    this.runner.start();
    this.gauges.start();
    this.plane.app.get(SpendGauges, { strict: false }).start();
    this.connecting = this.connect(cluster);
    this.plane.app.get(ClusterConnector, { strict: false }).start(this.hooks);
  }

  notReady(): string | null {
    return this.connected ? null : 'connecting to the cluster';
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping.abort();
    await Promise.all([this.plane.app.get(CronLoop, { strict: false }).stop(), this.runner.stop(graceMs), this.connecting, this.gauges.stop(), this.plane.app.get(SpendGauges, { strict: false }).stop()]);
    await this.plane.app.get(ClusterConnector, { strict: false }).stop(this.hooks);
    await Promise.all(this.watches().map((watch) => watch.stop()));
  }

  /** Of those that are told a cluster's name. */
  private named(): (FunctionWatch | WarmPoolWatch | LogCollector)[] {
    return [FunctionWatch, WarmPoolWatch, LogCollector].map((type) => this.plane.app.get<FunctionWatch | WarmPoolWatch | LogCollector>(type, { strict: false }));
  }

  private watches(): (PlacementWatch | FunctionWatch | WarmPoolWatch | LogCollector)[] {
    return [this.plane.app.get(PlacementWatch, { strict: false }), ...this.named()];
  }

  private async askForStanding(): Promise<void> {
    const queue = this.plane.app.get(JobQueue, { strict: false });
    for (const { kind, standing } of this.handlers) if (standing !== undefined) await queue.enqueue(systemContext(kind), { kind, key: standing });
  }

  private startCron(): void {
    const loop = this.plane.app.get(CronLoop, { strict: false });
    this.runner.hear(CRON_NEWS, () => loop.wake());
    loop.start();
  }

  /** Prepares the cluster (namespace, rights, CRD) and begins to watch it; tried again until it answers. */
  private async connect(cluster: { id: string; name: string }): Promise<void> {
    const { app } = this.plane;
    for (let failures = 1; !this.stopping.signal.aborted; failures += 1) {
      try {
        await app.get(ClusterBootstrap, { strict: false }).ensure(this.cluster);
        if (this.stopping.signal.aborted) return;
        this.hooks.opened(cluster, this.cluster);
        this.connected = true;
        return;
      } catch (error) {
        log.warn({ err: error, cluster: cluster.name }, 'the cluster could not be prepared yet; trying again');
        await pause(backoffMs(failures, { baseMs: 250, maxMs: 15_000 }), undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
  }
}
