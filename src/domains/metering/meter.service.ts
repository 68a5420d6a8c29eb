import { Injectable } from '@nestjs/common';
import { systemContext } from '../../platform/context/context.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { PodNetwork } from '../../platform/kubernetes/pod-pages.js';
import { partLogger } from '../../platform/observability/logger.js';
import { FunctionsDirectory } from '../functions/functions-directory.js';
import { CapacityLedger } from './capacity-ledger.service.js';
import { gatewayMetrics, gatewayReadings, type ReportSource } from './cluster/gateway-readings.js';
import { PodMeter } from './cluster/pod-meter.js';
import { LedgerService } from './ledger.service.js';
import { MeterLoop } from './meter-loop.js';
import { MetricsBooking } from './metrics-booking.js';
import type { Reading } from './reading.js';

/** Longest that the last round of one cluster may take when the meter ends. */
const LAST_ROUND_MS = 10_000;
/** Of one that is not to be read any more. */
const PARTING_ROUND_MS = 1_000;

interface MeteredCluster {
  meter: PodMeter;
  loop: MeterLoop;
  /** Without it the meter is not ready; a registered cluster that does not answer is its own trouble alone. */
  own: boolean;
}

/** Reads every counter again and again and books the differences. Any number may run at once, over the same clusters too. */
@Injectable()
export class MeterService {
  private readonly log = partLogger('meter');
  private readonly context = systemContext('meter');
  /** By name: what a cluster's counters are booked under. */
  private readonly clusters = new Map<string, MeteredCluster>();
  private readonly gateways: MeterLoop[] = [];
  private intervalMs: number | undefined;

  constructor(
    private readonly ledger: LedgerService,
    private readonly capacity: CapacityLedger,
    private readonly functions: FunctionsDirectory,
    private readonly metrics: MetricsBooking,
  ) {}

  /** A cluster that is read already stays as it is. @param options.own it belongs to the process, which is not ready without it */
  addCluster(name: string, client: KubernetesClient, network: PodNetwork, options: { own?: boolean } = {}): void {
    if (this.clusters.has(name)) return;
    const meter = new PodMeter(name, client, network);
    const loop = new MeterLoop(name, 'pods', () => this.bookPods(meter));
    this.clusters.set(name, { meter, loop, own: options.own ?? false });
    meter.start();
    if (this.intervalMs !== undefined) loop.start(this.intervalMs);
  }

  /** Its client is about to be closed, or is closed: what is not read yet is read by whoever opens it next. */
  async removeCluster(name: string): Promise<void> {
    const found = this.clusters.get(name);
    this.clusters.delete(name);
    if (found) await this.end(found, PARTING_ROUND_MS);
  }

  addGateway(cluster: string, report: ReportSource): void {
    const loop = new MeterLoop(cluster, 'gateway', async () => {
      const read = await report();
      await this.ledger.book(await gatewayReadings(this.context, read, this.functions, cluster));
      await this.bookMetrics(cluster, () => this.metrics.book(gatewayMetrics(read, cluster, new Date())));
    });
    this.gateways.push(loop);
    if (this.intervalMs !== undefined) loop.start(this.intervalMs);
  }

  start(intervalMs: number): void {
    if (this.intervalMs !== undefined) return;
    this.intervalMs = intervalMs;
    for (const loop of [...[...this.clusters.values()].map((cluster) => cluster.loop), ...this.gateways]) loop.start(intervalMs);
  }

  /** Why it is not ready, or null. */
  notReady(): string | null {
    const waiting = [...this.clusters].filter(([, { meter, own }]) => own && !meter.isSynced).map(([name]) => name);
    return waiting.length > 0 ? `pods of ${waiting.join(', ')} are not listed yet` : null;
  }

  /** One last round of everything, so that what was counted until now is booked. */
  async stop(): Promise<void> {
    await Promise.all([...[...this.clusters.values()].map((cluster) => this.end(cluster, LAST_ROUND_MS)), ...this.gateways.map((loop) => loop.stop(LAST_ROUND_MS))]);
  }

  private async end({ meter, loop }: MeteredCluster, graceMs: number): Promise<void> {
    await loop.stop(graceMs);
    await meter.stop();
  }

  private async bookPods(meter: PodMeter): Promise<void> {
    const readings = await meter.collect();
    await this.ledger.book(readings);
    meter.forget(readings);
    await this.bookCapacity(meter);
    await this.bookMetrics(meter.cluster, () => this.bookRunning(readings));
  }

  /** Last, and no reason to call the round failed: what is billed stands in the ledger by now. The next round includes what was not added. */
  private async bookMetrics(cluster: string, book: () => Promise<void>): Promise<void> {
    await book().catch((error: unknown) => this.log.warn({ err: error, cluster }, 'time series could not be written; their counts are in the next round'));
  }

  private async bookRunning(readings: readonly Reading[]): Promise<void> {
    const running = readings.flatMap(({ requests, ...reading }) => (requests ? [{ ...reading, totals: requests.totals, inFlight: requests.inFlight }] : []));
    await this.metrics.book(running);
    await this.metrics.show(running, new Date());
  }

  /** What pods were kept ready, busy or not. */
  private async bookCapacity({ lifetimes }: PodMeter): Promise<void> {
    await this.capacity.book(lifetimes.spans());
    lifetimes.forget((span) => this.capacity.isBooked(span));
  }
}
