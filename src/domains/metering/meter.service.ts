import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { systemContext } from '../../platform/context/context.js';
import { partLogger } from '../../platform/observability/logger.js';
import { registry } from '../../platform/observability/metrics.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { FunctionsDirectory } from '../functions/functions-directory.js';
import { gatewayReadings, type ReportSource } from './cluster/gateway-readings.js';
import { PodMeter } from './cluster/pod-meter.js';
import type { PodNetwork } from '../../platform/kubernetes/pod-pages.js';
import { LedgerService } from './ledger.service.js';
import type { Reading } from './reading.js';

const log = partLogger('meter');
const rounds = new Counter({ name: 'fnplane_meter_rounds_total', help: 'Rounds over all pods.', labelNames: ['outcome'], registers: [registry] });
const lag = new Gauge({ name: 'fnplane_meter_last_success_timestamp_seconds', help: 'When a round was last booked.', registers: [registry] });


/** Reads every counter again and again and books the differences. Any number may run at once. */
@Injectable()
export class MeterService {
  private readonly context = systemContext('meter');
  private readonly pods: PodMeter[] = [];
  private readonly gateways: { cluster: string; report: ReportSource }[] = [];
  private loop: Promise<void> | undefined;
  private wake: () => void = () => undefined;
  private stopping = false;

  constructor(
    private readonly ledger: LedgerService,
    private readonly functions: FunctionsDirectory,
  ) {}

  addCluster(name: string, client: KubernetesClient, network: PodNetwork): void {
    const meter = new PodMeter(name, client, network);
    this.pods.push(meter);
    meter.start();
  }

  addGateway(cluster: string, report: ReportSource): void {
    this.gateways.push({ cluster, report });
  }

  start(intervalMs: number): void {
    this.loop ??= this.run(intervalMs);
  }

  /** Why it is not ready, or null. */
  notReady(): string | null {
    const waiting = this.pods.filter((meter) => !meter.isSynced).map((meter) => meter.cluster);
    return waiting.length > 0 ? `pods of ${waiting.join(', ')} are not listed yet` : null;
  }

  /** One last round, so that what was counted until now is booked. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.loop;
    await this.round();
    await Promise.all(this.pods.map((meter) => meter.stop()));
  }

  private async run(intervalMs: number): Promise<void> {
    while (!this.stopping) {
      await this.round();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
        if (this.stopping) this.wake();
      });
    }
  }

  private async round(): Promise<void> {
    try {
      const collected = await Promise.all([...this.pods.map((meter) => meter.collect()), ...this.gateways.map((gateway) => this.readGateway(gateway))]);
      const readings = collected.flat();
      await this.ledger.book(readings);
      for (const meter of this.pods) meter.forget(readings);
      rounds.inc({ outcome: 'booked' });
      lag.setToCurrentTime();
    } catch (error) {
      rounds.inc({ outcome: 'failed' });
      log.warn({ err: error }, 'a metering round failed; its counts are in the next one');
    }
  }

  /** A gateway that does not answer keeps its totals until it does. */
  private async readGateway(gateway: { cluster: string; report: ReportSource }): Promise<Reading[]> {
    try {
      return await gatewayReadings(this.context, await gateway.report(), this.functions, gateway.cluster);
    } catch (error) {
      log.warn({ err: error, cluster: gateway.cluster }, 'a gateway could not be read');
      return [];
    }
  }
}
