import { Gauge } from 'prom-client';
import { LABEL, MANAGED_BY } from '../../../contract/names.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { Reflector } from '../../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { registry } from '../../../platform/observability/metrics.js';
import type { Reading } from '../reading.js';
import type { PodNetwork } from '../../../platform/kubernetes/pod-pages.js';
import { PodLifetimes } from './pod-lifetimes.js';
import { PodScraper } from './pod-scraper.js';
import { podFacts, terminationReadings } from './pod-readings.policy.js';

const AT_ONCE = 32;
/** Last words of ended containers that could not be booked yet; beyond it the oldest go. */
const MAX_PENDING = 50_000;

const known = new Gauge({ name: 'fnplane_meter_pods', help: 'Function pods the meter reads.', labelNames: ['cluster'], registers: [registry] });

/** Collects readings of one cluster's function pods: their pages while they run, their last words when they end; and the lives of all pods that tenants have. */
export class PodMeter {
  readonly lifetimes: PodLifetimes;
  private readonly pods: Reflector<Pod>;
  private readonly scraper: PodScraper;
  /** By process life: kept until the ledger has them. */
  private readonly ended = new Map<string, Reading>();

  constructor(
    readonly cluster: string,
    client: KubernetesClient,
    network: PodNetwork,
  ) {
    this.pods = new Reflector<Pod>(client, RESOURCE.pod, { labelSelector: `${LABEL.managedBy}=${MANAGED_BY},${LABEL.tenant}` });
    this.lifetimes = new PodLifetimes(cluster, this.pods);
    this.scraper = new PodScraper(client, network);
    this.pods.addHandlers({ onAdd: (pod) => this.note(pod), onUpdate: (pod) => this.note(pod), onDelete: (pod) => this.note(pod) });
  }

  start(): void {
    this.pods.start();
  }

  get isSynced(): boolean {
    return this.pods.isSynced;
  }

  async stop(): Promise<void> {
    await this.pods.stop();
    await this.scraper.close();
  }

  /** One round over all running pods, at most {@link AT_ONCE} at a time, with everything left by pods that ended. */
  async collect(): Promise<Reading[]> {
    const running = this.pods.list().filter((pod) => pod.status?.phase === 'Running' && pod.status.podIP && pod.metadata.labels?.[LABEL.functionId]);
    known.set({ cluster: this.cluster }, running.length);
    const readings: Reading[] = [...this.ended.values()];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let pod = running[next++]; pod; pod = running[next++]) {
        const reading = await this.read(pod);
        if (reading) readings.push(reading);
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, running.length) }, worker));
    return readings;
  }

  /** The ledger has these: their last words need not be kept. */
  forget(readings: readonly Reading[]): void {
    for (const reading of readings) {
      if (this.ended.get(reading.instance) === reading) this.ended.delete(reading.instance);
    }
  }

  private async read(pod: Pod): Promise<Reading | null> {
    const facts = podFacts(pod, this.cluster);
    const scraped = facts ? await this.scraper.read(pod) : null;
    return facts && scraped ? { ...facts, instance: scraped.instance, totals: scraped.totals, at: new Date(), requests: scraped.requests } : null;
  }

  private note(pod: Pod): void {
    for (const reading of terminationReadings(pod, this.cluster, new Date())) {
      if (this.ended.size >= MAX_PENDING) this.ended.delete(this.ended.keys().next().value!);
      this.ended.set(reading.instance, reading);
    }
  }
}
