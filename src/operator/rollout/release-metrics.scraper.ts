import type { Logger } from 'pino';
import { partLogger } from '../../platform/observability/logger.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { between, figuresOf, parsePodFigures, type PodReading } from './pod-figures.policy.js';
import type { FollowedRelease, ReleaseFigures, ReleaseMetrics } from './release-metrics.js';
import { SlidingWindow } from './sliding-window.js';

/** So often pods are asked while a rollout with analysis is under way. */
export const SCRAPE_MS = 5_000;
/** Of one revision; the rest of a larger one says the same. */
const MOST_PODS = 50;
const CONCURRENCY = 8;

export interface ScraperOptions {
  /** Ready pods of a revision, from the operator's cache. */
  pods: (release: FollowedRelease, revision: number) => readonly Pod[];
  /** A pod's metrics as text; undefined when it does not answer. */
  read: (pod: Pod) => Promise<string | undefined>;
  intervalMs?: number;
  /** For tests. */
  now?: () => number;
}

interface Followed {
  release: FollowedRelease;
  since: number;
  windows: Map<number, SlidingWindow>;
  /** By the pod's UID. */
  readings: Map<string, PodReading>;
}

/** Keeps sliding windows of revisions' answers by reading their pods' own counters. It asks nobody while nothing is followed. */
export class ReleaseMetricsScraper implements ReleaseMetrics {
  private readonly log: Logger = partLogger('operator');
  private readonly followed = new Map<string, Followed>();
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly options: ScraperOptions) {
    this.now = options.now ?? Date.now;
  }

  follow(release: FollowedRelease): void {
    const known = this.followed.get(release.functionId);
    if (this.closed || (known?.release.attempt === release.attempt && known.release.windowSeconds === release.windowSeconds)) return;
    const windows = new Map(release.revisions.map((revision) => [revision, new SlidingWindow(release.windowSeconds)]));
    this.followed.set(release.functionId, { release, since: this.now(), windows, readings: new Map() });
    this.schedule();
  }

  unfollow(functionId: string): void {
    this.followed.delete(functionId);
    if (this.followed.size > 0) return;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  /** As {@link unfollow} of all: another operator leads now. */
  unfollowAll(): void {
    for (const functionId of [...this.followed.keys()]) this.unfollow(functionId);
  }

  window(functionId: string, revision: number, seconds: number, now: number): ReleaseFigures | undefined {
    const sum = this.followed.get(functionId)?.windows.get(revision)?.sum(seconds, now);
    return sum && figuresOf(sum);
  }

  /** Asks every followed pod once. Never rejects: a pod that does not answer is left out. */
  async scrape(): Promise<void> {
    const work = [...this.followed.values()].flatMap((followed) => followed.release.revisions.flatMap((revision) => (
      this.options.pods(followed.release, revision).slice(0, MOST_PODS).map((pod) => ({ followed, revision, pod }))
    )));
    this.forgetGone(work.map(({ pod }) => pod.metadata.uid ?? ''));
    const next = work.values();
    const worker = async (): Promise<void> => {
      for (const { followed, revision, pod } of next) await this.readOne(followed, revision, pod);
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, work.length) }, worker));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.followed.clear();
    clearTimeout(this.timer);
    await this.round;
  }

  private schedule(): void {
    if (this.closed || this.timer !== undefined || this.followed.size === 0) return;
    this.timer = setTimeout(() => {
      this.round = this.scrape().catch((error: unknown) => this.log.warn({ err: error }, 'the figures of rollouts could not be read')).finally(() => {
        this.timer = undefined;
        this.schedule();
      });
    }, this.options.intervalMs ?? SCRAPE_MS).unref();
  }

  private async readOne(followed: Followed, revision: number, pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const text = await this.options.read(pod).catch(() => undefined);
    const reading = text === undefined ? undefined : parsePodFigures(text);
    if (!reading) return;
    const before = followed.readings.get(uid);
    followed.readings.set(uid, reading);
    // What a pod answered before anybody looked belongs to no window.
    const isOld = before === undefined && Date.parse(pod.metadata.creationTimestamp ?? '') < followed.since - 1_000;
    if (!isOld) followed.windows.get(revision)?.add(this.now(), between(before, reading));
  }

  private forgetGone(present: readonly string[]): void {
    const uids = new Set(present);
    for (const { readings } of this.followed.values()) {
      for (const uid of readings.keys()) if (!uids.has(uid)) readings.delete(uid);
    }
  }
}
