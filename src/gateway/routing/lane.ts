import { pickShare, type Share } from '../upstream/pick-share.policy.js';
import { pickUpstream } from '../upstream/pick-upstream.policy.js';
import type { Upstream } from '../upstream/upstream.js';

/** A request that waits for an upstream of its function. */
export interface Waiter {
  /** The upstream is taken for it; it must be released. */
  proceed(upstream: Upstream): void;
}

/** What those who wait lack: any instance, a connection to one, the API server on the way to it, or room in one. */
export type Lack = 'instance' | 'connection' | 'cluster' | 'room';

/** One address of a function, its own or a tag's: which revisions answer there, in which shares, and who waits for them. */
export class Lane {
  private readonly waiters = new Set<Waiter>();
  private shares: Share[] = [];
  private spare: readonly Upstream[] = [];

  get waiting(): number {
    return this.waiters.size;
  }

  get hasUpstreams(): boolean {
    return this.spare.length > 0 || this.shares.some(({ upstreams }) => upstreams.length > 0);
  }

  /** Keeps what revisions are owed while their weights stay. {@link assign} must follow. */
  setWeights(weights: ReadonlyMap<number, number>): void {
    const same = this.shares.length === weights.size && this.shares.every(({ revision, weight }) => weights.get(revision) === weight);
    if (!same) this.shares = [...weights].map(([revision, weight]) => ({ revision, weight, credit: 0, upstreams: [] }));
  }

  /** @param spare pods of other revisions, for when none of the lane's own can be reached */
  assign(upstreams: readonly Upstream[], spare: readonly Upstream[]): void {
    for (const share of this.shares) share.upstreams = upstreams.filter(({ revision }) => revision.number === share.revision);
    this.spare = spare;
  }

  /** An upstream with room; the caller counts the request on it. */
  take(nowMs: number, avoid: Upstream | undefined): Upstream | undefined {
    let share = pickShare(this.shares, nowMs, avoid);
    if (!share && avoid) share = pickShare(this.shares, nowMs, undefined);
    const upstream = share && pickUpstream(share.upstreams, nowMs, avoid, Math.random);
    if (upstream || this.spare.length === 0 || this.isAlive(nowMs)) return upstream;
    return pickUpstream(this.spare, nowMs, avoid, Math.random);
  }

  lack(nowMs: number): Lack {
    const own = this.shares.flatMap(({ upstreams }) => upstreams);
    const upstreams = own.length > 0 ? own : this.spare;
    if (upstreams.length === 0) return 'instance';
    if (!upstreams.every((upstream) => upstream.isEjected(nowMs))) return 'room';
    return upstreams[0]!.transparent ? 'connection' : 'cluster';
  }

  add(waiter: Waiter): void {
    this.waiters.add(waiter);
  }

  delete(waiter: Waiter): boolean {
    return this.waiters.delete(waiter);
  }

  /** Who waits longest. */
  first(): Waiter | undefined {
    return this.waiters.values().next().value;
  }

  /** Whether any of its own revisions' pods can be reached, busy or not. */
  private isAlive(nowMs: number): boolean {
    return this.shares.some(({ upstreams }) => upstreams.some((upstream) => !upstream.isEjected(nowMs)));
  }
}
