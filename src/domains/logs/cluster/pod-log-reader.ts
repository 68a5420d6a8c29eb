import { setTimeout as pause } from 'node:timers/promises';
import { FUNCTION_CONTAINER } from '../../../contract/names.js';
import { backoffMs } from '../../../platform/kubernetes/backoff.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isNotFound, isRefused } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { MOST_LINE_BYTES } from '../log-text.js';
import type { LogSource, ReadPart } from '../store/log-intake.repository.js';
import { livesOf } from './container-lives.policy.js';
import { readLineChunks } from './line-chunks.js';
import { ReadLines } from './read-lines.js';

const log = partLogger('logs');
/** The node's time stamp, and the mark of what was cut off. */
const STAMP_BYTES = 40;
const BACKOFF = { baseMs: 250, maxMs: 15_000 };
/** A function that is not (yet) known is asked about again so much later. */
const UNKNOWN_MS = 15_000;
/** What is being written down is waited for in such steps. */
const IDLE_MS = 100;
/** A flood is left alone for so long; the node is then asked for no more than the last second of it. */
const FLOOD_MS = 3_000;
const AFTER_FLOOD_MS = 1_000;
/** The log of a pod that is gone ends by itself. */
const PARTING_MS = 10_000;
const NS_PER_MS = 1_000_000n;

/** What readers stand on. */
export interface LogSink {
  /** How far the pod has been read, as the store knows it; null where its function is not known. */
  open(source: LogSource): Promise<bigint | null>;
  /** Room for one more stream. @returns gives it back; undefined where there is none */
  enter(tenantId: string): (() => void) | undefined;
  admits(tenantId: string, bytes: number): boolean;
  /** There is something to write down. */
  ready(reader: PodLogReader): void;
}

/**
 * Reads one pod's log: what there is, then what comes, over all lives of its container. It goes on from where the store is, so that it may begin anew
 * at any time: what was read and not written down is read again.
 */
export class PodLogReader {
  private readonly stopping = new AbortController();
  private readonly lines: ReadLines;
  private stream: AbortController | undefined;
  private rouse: () => void = () => undefined;
  /** Lives of the container that have been read to their end. */
  private readonly finished = new Set<string>();
  private running: Promise<void> | undefined;
  private isGone = false;
  private behind = false;
  /** The last stream brought far more than is collected. */
  private flooded = false;
  /** Parts in turn that could not be written down. */
  private unwritten = 0;
  /** The pod has changed since it was looked at. */
  private isNews = false;

  /** @param oldest lines from before are of no interest: epoch ms */
  constructor(
    private readonly client: KubernetesClient,
    private pod: Pod,
    readonly source: LogSource,
    private readonly sink: LogSink,
    private readonly oldest: () => number,
  ) {
    this.lines = new ReadLines((bytes) => sink.admits(source.tenantId, bytes), () => this.sink.ready(this));
  }

  start(ended: () => void): void {
    this.running ??= this.run().catch((error: unknown) => log.error({ err: error, pod: this.source.pod }, 'a log is not read any more')).finally(ended);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.stream?.abort();
    this.rouse();
    await this.running;
  }

  update(pod: Pod): void {
    this.pod = pod;
    this.isNews = true;
    this.rouse();
  }

  /** The pod is not there any more; what it wrote last may still be on its way. */
  gone(): void {
    this.isGone = true;
    this.rouse();
    setTimeout(() => this.stream?.abort(), PARTING_MS).unref();
  }

  /** What is to be written down, at most so many texts. */
  takePart(most: number): ReadPart | undefined {
    const part = this.lines.take(most);
    return part && { source: this.source, ...part };
  }

  /** The part was written down. */
  written({ to }: ReadPart): void {
    this.lines.written(to);
    this.unwritten = 0;
  }

  /** It could not be, or somebody else is further: begins anew from where the store is. */
  reopen(): void {
    this.lines.forget();
    this.unwritten += 1;
    this.behind = true;
    this.stream?.abort();
    this.rouse();
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.stopping.signal.aborted;) {
      const leave = this.sink.enter(this.source.tenantId);
      if (!leave) {
        if (this.isGone) return;
        await this.wait(BACKOFF.maxMs);
        continue;
      }
      const before = this.lines.lastAt;
      const wait = await this.read().catch((error: unknown) => this.failed(error, (failures += 1))).finally(leave);
      this.lines.end();
      if (this.lines.lastAt > before) failures = 0;
      if (this.isGone && !this.behind) return;
      await this.wait(this.unwritten > 0 ? backoffMs(this.unwritten, BACKOFF) : wait);
      // Else it would be read twice.
      while (!this.lines.isIdle && !this.stopping.signal.aborted) await pause(IDLE_MS);
    }
  }

  /** All there is until the streams end. @returns how long to wait for news before the next look: ms */
  private async read(): Promise<number> {
    this.behind = this.isNews = false;
    const readTo = await this.sink.open(this.source);
    if (readTo === null) return UNKNOWN_MS;
    const oldest = BigInt(Math.floor(this.oldest())) * NS_PER_MS;
    this.lines.begin(readTo, readTo > oldest ? readTo : oldest);
    const { previous, current } = livesOf(this.pod);
    if (previous && !this.finished.has(previous) && (await this.readLife(true))) this.finished.add(previous);
    if (!current || this.finished.has(current.id)) return BACKOFF.maxMs;
    if ((await this.readLife(false)) && current.ended) this.finished.add(current.id);
    return this.flooded ? FLOOD_MS : BACKOFF.baseMs;
  }

  /** @returns whether it was read to its end. */
  private async readLife(previous: boolean): Promise<boolean> {
    if (this.stopping.signal.aborted) return false;
    const stream = (this.stream = new AbortController());
    const { namespace, name } = this.pod.metadata;
    try {
      this.lines.reopened();
      const since = new Date(Math.max(Number(this.lines.lastAt / NS_PER_MS), this.flooded ? Date.now() - AFTER_FLOOD_MS : 0));
      this.flooded = false;
      const body = await this.client.followPodLog({ namespace: namespace!, name }, { container: FUNCTION_CONTAINER, previous, since, signal: stream.signal });
      for await (const chunk of readLineChunks(body, MOST_LINE_BYTES + STAMP_BYTES)) {
        for (const line of chunk) this.lines.add(line);
        // What cannot be written down as fast is read again later; the node keeps it meanwhile.
        if (this.lines.isFull) stream.abort();
        if (!this.lines.isFlooded) continue;
        this.flooded = true;
        stream.abort();
      }
      return !stream.signal.aborted;
    } catch (error) {
      if (stream.signal.aborted) return false;
      // The node has it no longer, or the life is over.
      if (previous && (isNotFound(error) || isRefused(error))) return true;
      throw error;
    } finally {
      this.stream = undefined;
    }
  }

  private failed(error: unknown, failures: number): number {
    const wait = backoffMs(failures, BACKOFF);
    if (!isNotFound(error)) log.debug({ err: error, pod: this.source.pod, cluster: this.source.cluster }, 'a log could not be read; trying again');
    return wait;
  }

  /** Until there is news of the pod, or so long. */
  private async wait(ms: number): Promise<void> {
    if (this.stopping.signal.aborted || this.isNews) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.rouse = () => undefined;
  }
}
