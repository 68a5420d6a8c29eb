import { BoundedCache } from '../../../platform/caching/bounded-cache.js';
import { LABEL, MANAGED_BY } from '../../../contract/names.js';
import { systemContext } from '../../../platform/context/context.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { Reflector } from '../../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { LocalBucket } from '../../../platform/limits/local-bucket.js';
import type { Rate } from '../../../platform/limits/rate.policy.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { collectedTotal, streams } from '../log-metrics.js';
import type { LogIntakeRepository, LogSource, ReadPart } from '../store/log-intake.repository.js';
import { sourceOf } from './container-lives.policy.js';
import { PodLogReader, type LogSink } from './pod-log-reader.js';

const log = partLogger('logs');
/** Logs that are read at once, and of one tenant's pods; further ones wait. */
const MOST_STREAMS = 2_000;
const MOST_OF_ONE_TENANT = 400;
/** What comes so close together is written together. */
const GATHER_MS = 20;
/** Tenants that are written for at once. */
const AT_ONCE = 4;
const MOST_TEXTS = 500;
const DAY_MS = 86_400_000;
const KIB = 1024;

export interface LogSettings {
  /** KiB of one tenant; null: all. */
  rate: Rate | null;
  days: number;
}

/** Collects what the functions of one cluster print. Each cluster has its own: one that hangs holds up no other. */
export class ClusterLogs implements LogSink {
  private readonly context = systemContext('logs');
  private readonly pods: Reflector<Pod>;
  private readonly readers = new Map<string, PodLogReader>();
  private readonly streamsOf = new Map<string, number>();
  private readonly budgets = new BoundedCache<string, LocalBucket>(10_000, 600_000);
  private readonly waiting = new Map<string, Set<PodLogReader>>();
  private readonly writing = new Map<string, Promise<void>>();
  private gathering: NodeJS.Timeout | undefined;
  private openStreams = 0;
  private stopped = false;

  constructor(
    private readonly cluster: string,
    private readonly client: KubernetesClient,
    private readonly intake: LogIntakeRepository,
    private readonly settings: LogSettings,
  ) {
    this.pods = new Reflector<Pod>(client, RESOURCE.pod, { labelSelector: `${LABEL.managedBy}=${MANAGED_BY},${LABEL.functionId}`, transform: slim });
    this.pods.addHandlers({ onAdd: (pod) => this.seen(pod), onUpdate: (pod) => this.seen(pod), onDelete: (pod) => this.readers.get(pod.metadata.uid ?? '')?.gone() });
  }

  start(): void {
    this.pods.start();
  }

  /** What was read and not written down is read again by whoever comes next. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.gathering);
    await Promise.all([this.pods.stop(), ...[...this.readers.values()].map((reader) => reader.stop())]);
    await Promise.all(this.writing.values());
  }

  open(source: LogSource): Promise<bigint | null> {
    return this.intake.open(this.context, source);
  }

  enter(tenantId: string): (() => void) | undefined {
    const present = this.streamsOf.get(tenantId) ?? 0;
    if (this.openStreams >= MOST_STREAMS || present >= MOST_OF_ONE_TENANT) return undefined;
    this.count(tenantId, present + 1, 1);
    return () => this.count(tenantId, (this.streamsOf.get(tenantId) ?? 1) - 1, -1);
  }

  admits(tenantId: string, bytes: number): boolean {
    const { rate } = this.settings;
    if (!rate) return true;
    let budget = this.budgets.get(tenantId);
    if (!budget) this.budgets.set(tenantId, budget = new LocalBucket(rate));
    return budget.take(bytes / KIB, Date.now());
  }

  ready(reader: PodLogReader): void {
    const { tenantId } = reader.source;
    const readers = this.waiting.get(tenantId) ?? new Set();
    this.waiting.set(tenantId, readers.add(reader));
    if (!this.stopped) this.gathering ??= setTimeout(() => this.pump(), GATHER_MS);
  }

  private seen(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const present = this.readers.get(uid);
    if (present) return present.update(pod);
    const source = sourceOf(pod, this.cluster);
    if (!source || this.stopped) return;
    const reader = new PodLogReader(this.client, pod, source, this, () => Date.now() - this.settings.days * DAY_MS);
    this.readers.set(uid, reader);
    reader.start(() => this.readers.delete(uid));
  }

  /** Tenants take turns: whoever waits longest is next. */
  private pump(): void {
    this.gathering = undefined;
    for (const [tenantId, readers] of this.waiting) {
      if (this.writing.size >= AT_ONCE || this.stopped) return;
      if (this.writing.has(tenantId)) continue;
      this.waiting.delete(tenantId);
      this.writing.set(tenantId, this.write(tenantId, readers).finally(() => {
        this.writing.delete(tenantId);
        if (this.waiting.size > 0 && !this.stopped) this.gathering ??= setTimeout(() => this.pump(), GATHER_MS);
      }));
    }
  }

  private async write(tenantId: string, readers: ReadonlySet<PodLogReader>): Promise<void> {
    const parts = new Map<PodLogReader, ReadPart>();
    let room = MOST_TEXTS;
    for (const reader of readers) {
      const part = room > 0 ? reader.takePart(room) : undefined;
      if (part) parts.set(reader, part);
      room -= part?.texts.length ?? 0;
    }
    if (parts.size === 0) return;
    try {
      const taken = await this.intake.write(this.context, tenantId, [...parts.values()]);
      for (const [reader, part] of parts) {
        if (!taken.has(part.source.podUid)) {
          reader.reopen();
          continue;
        }
        collectedTotal.inc(part.texts.length);
        reader.written(part);
      }
      // What had no room is next.
      if (room <= 0) for (const reader of readers) this.ready(reader);
    } catch (error) {
      log.warn({ err: error, cluster: this.cluster }, 'logs could not be written down; they are read again');
      for (const reader of parts.keys()) reader.reopen();
    }
  }

  private count(tenantId: string, present: number, by: number): void {
    if (present > 0) this.streamsOf.set(tenantId, present);
    else this.streamsOf.delete(tenantId);
    this.openStreams += by;
    streams.set({ cluster: this.cluster }, this.openStreams);
  }
}

/** All that is kept of a pod: a cluster has many. */
function slim({ metadata: { name, namespace, uid, resourceVersion, labels }, status }: Pod): Pod {
  return { metadata: { name, namespace, uid, resourceVersion, labels }, status: { containerStatuses: status?.containerStatuses } } as Pod;
}
