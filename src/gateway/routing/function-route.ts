import type { AuthenticationMode, FunctionResource, RevisionSpec, Suspension } from '../../contract/function-resource.js';
import { ANNOTATION, revisionServiceName, serviceName } from '../../contract/names.js';
import type { TenantEntry } from '../auth/access-directory.js';
import { FunctionCounters } from '../counters/function-counters.js';
import { LoadCounters } from '../counters/function-load.js';
import type { ShareHolder } from '../limits/fair-share.js';
import type { Upstream } from '../upstream/upstream.js';
import type { WakeState } from '../waking/wake-state.js';
import { EarlyPods } from './early-pods.js';
import { endpointId, revisionOfPod, type Endpoint } from './endpoint-slice.policy.js';
import { Lane, type Waiter } from './lane.js';
import { planTraffic } from './traffic.policy.js';

/** Makes upstreams for a function's pods: one for each, or one for all of a Service behind the API server. */
export interface UpstreamFactory {
  /** Undefined until it is known how pods are reached. */
  readonly mode: 'direct' | 'proxy' | undefined;
  /** Offers a ready pod to find out with. All routes are rebuilt once it is known. */
  probe(endpoint: Endpoint): void;
  forPod(route: FunctionRoute, endpoint: Endpoint, revision: RevisionSpec): Upstream;
  forService(route: FunctionRoute, service: string, pods: number, revision: RevisionSpec): Upstream;
}

/** One function as the gateway sees it: who may call it, where its pods are, how requests are shared among them, and who waits. */
export class FunctionRoute implements ShareHolder {
  admitted = 0;
  /** Bytes of its buffered request bodies. */
  bufferedBytes = 0;
  authentication: AuthenticationMode = 'required';
  suspension: Suspension = 'none';
  /** Whether its pods shall run at all; false: a request has to wake it. */
  active = true;
  /** Epoch ms of the last change of {@link active}, and of the last wake asked for on the resource; 0 where unknown. */
  activeSince = 0;
  wakeAskedAt = 0;
  /** Kept by the wake desk, once there was need. */
  wakeState: WakeState | undefined;
  retired = false;
  readonly counters: FunctionCounters;
  readonly functionId: string;
  readonly functionName: string;
  readonly namespace: string;
  readonly key: string;
  readonly createdAt: string;
  /** The function's own address. */
  readonly main = new Lane();
  private tags = new Map<string, Lane>();
  private lanes: Lane[] = [this.main];
  /** The lane that was served last. */
  private turn = 0;
  private listed: ReadonlySet<number> = new Set();
  private upstreams: Upstream[] = [];
  private endpoints: readonly Endpoint[] = [];
  private readonly early = new EarlyPods();
  private earlyTimer: NodeJS.Timeout | undefined;
  private revisions: ReadonlyMap<number, RevisionSpec> = new Map();
  private target = 0;
  private serving: number | undefined;

  /** @param load goes on where the same function had another route before */
  constructor(
    resource: FunctionResource,
    readonly tenant: TenantEntry,
    private readonly factory: UpstreamFactory,
    readonly load = new LoadCounters(),
  ) {
    this.functionId = resource.spec.functionId;
    this.functionName = resource.metadata.name;
    this.namespace = resource.metadata.namespace;
    this.key = `${resource.spec.tenant}/${resource.metadata.name}`;
    this.createdAt = resource.metadata.creationTimestamp ?? '';
    this.counters = new FunctionCounters(resource.spec.tenant, resource.metadata.name);
  }

  /** Whether any pod can be sent to from the function's own address. */
  get hasUpstreams(): boolean {
    return this.main.hasUpstreams;
  }

  /** Settings by which a request waits, before it is known which revision answers. */
  get revision(): RevisionSpec | undefined {
    return this.revisions.get(this.serving ?? this.target) ?? this.revisions.get(this.target);
  }

  /** The function's own address, or a tag's; undefined for a tag it does not have. */
  lane(tag: string | undefined): Lane | undefined {
    return tag === undefined ? this.main : this.tags.get(tag);
  }

  /** Takes over the resource's present state. Requests under way go on under the state they began with. */
  update({ metadata, spec, status }: FunctionResource): void {
    this.authentication = spec.authentication;
    this.suspension = spec.suspension;
    this.target = spec.target;
    this.serving = status?.servingRevision;
    this.active = status?.scale?.active ?? true;
    this.activeSince = timeOf(status?.scale?.since);
    this.wakeAskedAt = timeOf(metadata.annotations?.[ANNOTATION.wake]);
    this.revisions = new Map(spec.revisions.map((revision) => [revision.number, revision]));
    const plan = planTraffic(status?.traffic, this.serving ?? (this.target || undefined));
    this.listed = plan.listed;
    this.main.setWeights(plan.main);
    this.setTags(plan.tags);
    this.rebuild();
  }

  /** @param endpoints those that are not ready too */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.endpoints = endpoints;
    this.rebuild();
  }

  /** Pods that may answer any moment: started, not called ready, and not found to answer yet. */
  unready(): Endpoint[] {
    return this.endpoints.filter((endpoint) => !endpoint.ready && !this.early.has(endpoint));
  }

  /**
   * Uses a pod that answers although no endpoint calls it ready, for at most `keepMs`.
   * @param seen whether endpoints name it already
   */
  addEarly(endpoint: Endpoint, keepMs: number, seen: boolean): void {
    if (this.retired) return;
    this.early.add(endpoint, performance.now() + keepMs, seen);
    this.rebuild();
    this.armEarlyTimer(keepMs);
  }

  /** A connection to the upstream could not be made. A pod that no endpoint calls ready has no further chance. */
  noteUnreachable(upstream: Upstream, nowMs: number): void {
    upstream.noteUnreachable(nowMs);
    if (this.early.size > 0 && this.early.delete(upstream.id)) this.rebuild();
  }

  /** Brings the upstreams in line with the pods: those that are gone are drained, new ones take the waiting requests. */
  rebuild(): void {
    const now = performance.now();
    const before = new Map(this.upstreams.map((upstream) => [upstream.id, upstream]));
    const usable = this.early.merge(this.endpoints, now, (from, to) => rename(before, from, to));
    this.upstreams = this.wantedUpstreams(usable, before);
    for (const upstream of this.upstreams) before.delete(upstream.id);
    const spare = this.upstreams.filter(({ revision }) => !this.listed.has(revision.number));
    for (const lane of this.lanes) lane.assign(this.upstreams, lane === this.main ? spare : NONE);
    for (const upstream of before.values()) upstream.drain();
    this.pump(now);
  }

  /** The function is gone: its connections close as they become idle; who waits runs into its deadline. */
  retire(): void {
    this.retired = true;
    clearTimeout(this.earlyTimer);
    this.endpoints = [];
    this.early.clear();
    this.rebuild();
  }

  /**
   * An upstream with room, taken for the caller, who must `release` it; undefined when there is none now.
   * Requests that already wait come first.
   */
  acquire(lane: Lane, nowMs: number, avoid: Upstream | undefined): Upstream | undefined {
    return lane.waiting > 0 ? undefined : this.take(lane, nowMs, avoid);
  }

  release(upstream: Upstream): void {
    this.load.inFlight--;
    this.load.touch();
    upstream.release();
    if (this.load.waiting > 0) this.pump(performance.now());
  }

  /** @returns whether there was room in the queue, which all of the function's addresses share. */
  wait(lane: Lane, waiter: Waiter, limit: number): boolean {
    if (this.load.waiting >= limit) return false;
    lane.add(waiter);
    this.load.waiting++;
    return true;
  }

  leave(lane: Lane, waiter: Waiter): void {
    if (!lane.delete(waiter)) return;
    this.load.waiting--;
    this.load.touch();
  }

  /** Gives free upstreams to those who wait: at each address in the order they came, and to the addresses in turn. */
  pump(nowMs: number): void {
    for (let idle = 0; this.load.waiting > 0 && idle < this.lanes.length;) {
      this.turn = (this.turn + 1) % this.lanes.length;
      idle = this.serveFirst(this.lanes[this.turn]!, nowMs) ? 0 : idle + 1;
    }
  }

  private serveFirst(lane: Lane, nowMs: number): boolean {
    const waiter = lane.first();
    const upstream = waiter && this.take(lane, nowMs, undefined);
    if (!upstream) return false;
    lane.delete(waiter);
    this.load.waiting--;
    waiter.proceed(upstream);
    return true;
  }

  private take(lane: Lane, nowMs: number, avoid: Upstream | undefined): Upstream | undefined {
    const upstream = lane.take(nowMs, avoid);
    if (upstream) {
      upstream.inFlight++;
      this.load.inFlight++;
    }
    return upstream;
  }

  /** Who waits at the address of a tag that is taken away gets nothing more; its lane stays until they are gone. */
  private setTags(tags: ReadonlyMap<string, number>): void {
    const abandoned = this.lanes.filter((lane) => lane !== this.main && lane.waiting > 0);
    const before = this.tags;
    this.tags = new Map([...tags.keys()].map((tag) => [tag, before.get(tag) ?? new Lane()]));
    for (const lane of abandoned) lane.setWeights(NO_WEIGHTS);
    for (const [tag, revision] of tags) this.tags.get(tag)!.setWeights(new Map([[revision, 100]]));
    this.lanes = [...new Set([this.main, ...this.tags.values(), ...abandoned])];
    this.turn %= this.lanes.length;
  }

  private wantedUpstreams(usable: readonly Endpoint[], present: ReadonlyMap<string, Upstream>): Upstream[] {
    const { mode } = this.factory;
    if (usable.length === 0) return [];
    if (mode !== 'direct') this.factory.probe(usable[0]!);
    if (mode === undefined) return [];
    if (mode === 'proxy') return this.serviceUpstreams(present);
    const wanted: Upstream[] = [];
    for (const endpoint of usable) {
      const revision = this.revisionOf(endpoint);
      const known = present.get(endpointId(endpoint));
      if (known && (!revision || sameLimits(known.revision, revision))) wanted.push(known);
      else if (revision) wanted.push(this.factory.forPod(this, endpoint, revision));
    }
    return wanted;
  }

  /** The API server knows only what endpoints call ready. Pods of a revision are reached by its own Service where it has one. */
  private serviceUpstreams(present: ReadonlyMap<string, Upstream>): Upstream[] {
    const groups = new Map<number, { revision: RevisionSpec; service: string; pods: number }>();
    for (const endpoint of this.endpoints) {
      const revision = endpoint.ready ? this.revisionOf(endpoint) : undefined;
      if (!revision) continue;
      const service = endpoint.revision === undefined ? serviceName(this.functionName) : revisionServiceName(this.functionName, endpoint.revision);
      const group = groups.get(revision.number);
      if (!group) groups.set(revision.number, { revision, service, pods: 1 });
      else groups.set(revision.number, { ...group, service: endpoint.revision === undefined ? group.service : service, pods: group.pods + 1 });
    }
    return [...groups.values()].map(({ revision, service, pods }) => {
      const made = this.factory.forService(this, service, pods, revision);
      const known = present.get(made.id);
      if (!known || !sameLimits(known.revision, revision)) return made;
      known.capacity = made.capacity;
      return known;
    });
  }

  /** The settings of a pod's revision. One that has left the resource may still serve for a moment, under those of the serving one. */
  private revisionOf(endpoint: Endpoint): RevisionSpec | undefined {
    const number = endpoint.revision ?? revisionOfPod(endpoint.pod, this.functionName);
    if (number === undefined) return this.revision;
    return this.revisions.get(number) ?? this.departed(endpoint, number);
  }

  private departed(endpoint: Endpoint, number: number): RevisionSpec | undefined {
    const known = this.upstreams.find(({ id, revision }) => revision.number === number && id === endpointId(endpoint));
    return known?.revision ?? (this.revision && { ...this.revision, number });
  }

  private armEarlyTimer(delayMs: number): void {
    clearTimeout(this.earlyTimer);
    this.earlyTimer = setTimeout(() => {
      this.rebuild();
      if (this.early.size > 0) this.armEarlyTimer(delayMs);
    }, delayMs + 1).unref();
  }
}

const NONE: readonly Upstream[] = [];
const NO_WEIGHTS: ReadonlyMap<number, number> = new Map();

/** An endpoint names a pod that was known before: it keeps its connections and its requests. */
function rename(present: Map<string, Upstream>, from: string, to: string): void {
  const upstream = present.get(from);
  if (!upstream || present.has(to)) return;
  present.delete(from);
  upstream.id = to;
  present.set(to, upstream);
}

/** A revision is immutable, so its number is enough; a resource that was replaced may count anew. */
function sameLimits(a: RevisionSpec, b: RevisionSpec): boolean {
  return a.number === b.number && a.timeoutSeconds === b.timeoutSeconds && a.concurrency === b.concurrency && a.metering === b.metering;
}

function timeOf(text: string | undefined): number {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
}
