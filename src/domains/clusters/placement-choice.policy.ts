import { WANTED, type ClusterCapacity, type ClusterState, type ClusterUse, type PlacementPurpose, type PlacementRule, type PlacementState, type PlacementWish, type Verdict } from './placement-states.js';

export interface ClusterCandidate {
  id: string;
  name: string;
  region: string;
  labels: Readonly<Record<string, string>>;
  state: ClusterState;
  reachable: boolean;
  /** Unreachable for longer than tenants can be without it. */
  lost: boolean;
  capacity: ClusterCapacity | null;
  use: ClusterUse;
  /** What the tenant has reserved: it must fit where the tenant is not yet. */
  own?: Partial<ClusterCapacity>;
  createdAt: Date;
}

export interface PresentPlacement {
  clusterId: string;
  state: PlacementState;
  /** Absent: the tenant. */
  wantedBy?: PlacementPurpose;
}

/** One function of the tenant that has places of its own. */
export interface PlacedFunction {
  rule: PlacementRule;
  places: readonly PresentPlacement[];
}

/** What one cluster came to in a choice, and why, in a word and in words. */
export interface ClusterVerdict {
  clusterId: string;
  clusterName: string;
  region: string;
  verdict: Verdict;
  reason: string;
  message: string;
}

export interface PlacementChoice {
  /** Ids, best first. */
  chosen: string[];
  /** Clusters that are asked for and cannot be had. */
  missing: number;
  /** Of every cluster, in the order in which they were considered. */
  verdicts: ClusterVerdict[];
}

type Who = 'tenant' | 'function';

interface Ranked {
  candidate: ClusterCandidate;
  /** Whether it is there already. */
  there: boolean;
  stickiness: number;
  /** Why not; undefined for those that could be chosen. */
  obstacle: Pick<ClusterVerdict, 'reason' | 'message'> | undefined;
}

/** Where somebody is counts first, so that nobody is moved without need: those that serve, those that served, those being prepared. */
const STICKINESS: Partial<Record<PlacementState, number>> = { active: 0, leaving: 1, pending: 2 };
/** For a tenant where some of its functions are; for a function where its tenant is. */
const NEAR = 3;
const NOT_THERE = 4;
/** Small differences of load do not decide: the order of clusters does, so that the choice can be foreseen. */
const LOAD_STEPS = 10;

/**
 * Chooses clusters for a tenant or, within what the tenant asks, for one of its functions. The same input gives the same choice. Pure.
 * @param present the tenant's placements
 */
export function choosePlacements(wish: PlacementWish, candidates: readonly ClusterCandidate[], present: readonly PresentPlacement[], fn?: PlacedFunction): PlacementChoice {
  const who = fn ? 'function' : 'tenant';
  const count = fn?.rule.clusters ?? wish.clusters;
  const ranked = candidates.map((candidate): Ranked => {
    const [tenant, own] = [present, fn?.places ?? present].map((list) => list.find(({ clusterId }) => clusterId === candidate.id));
    return { candidate, there: own !== undefined && own.state in STICKINESS, stickiness: stickinessOf(tenant, own, who), obstacle: obstacleOf(wish, candidate, tenant, own, fn) };
  }).sort(byRank);
  const chosen = new Set(ranked.filter(({ obstacle }) => !obstacle).slice(0, count).map(({ candidate }) => candidate.id));
  // A function that does not say how many is content with as many as meet its rule.
  const asked = fn && fn.rule.clusters === undefined ? Math.max(1, Math.min(count, chosen.size)) : count;
  return { chosen: [...chosen], missing: asked - chosen.size, verdicts: ranked.map((one) => verdictOf(one, chosen.has(one.candidate.id), who, asked)) };
}

/** Whether the clusters are those that are asked for already, in whatever order. */
export function isChosen(places: readonly PresentPlacement[], chosen: readonly string[]): boolean {
  const wanted = places.filter(({ state }) => WANTED.has(state)).map(({ clusterId }) => clusterId);
  return wanted.length === chosen.length && wanted.every((id) => chosen.includes(id));
}

function stickinessOf(tenant: PresentPlacement | undefined, own: PresentPlacement | undefined, who: Who): number {
  const mine = own && STICKINESS[own.state];
  if (who === 'tenant') return mine === undefined ? NOT_THERE : own?.wantedBy === 'functions' ? NEAR : mine;
  return mine ?? (tenant && WANTED.has(tenant.state) ? NEAR : NOT_THERE);
}

function obstacleOf(wish: PlacementWish, cluster: ClusterCandidate, tenant: PresentPlacement | undefined, own: PresentPlacement | undefined, fn: PlacedFunction | undefined): Ranked['obstacle'] {
  const leftover = [tenant, own].find((place) => place !== undefined && !(place.state in STICKINESS));
  if (leftover) return { reason: 'BeingTakenAway', message: `What the ${leftover === tenant ? 'tenant' : 'function'} had here is still being taken away.` };
  const unmet = unmetOf(wish, cluster, 'tenant') ?? (fn && unmetOf(fn.rule, cluster, 'function'));
  if (unmet) return unmet;
  if (cluster.state === 'draining') return { reason: 'Draining', message: 'It is being drained.' };
  if (cluster.lost) return { reason: 'Lost', message: 'It has not answered for too long.' };
  // What is there may stay through what keeps newcomers out.
  if (own) return undefined;
  if (!cluster.reachable) return { reason: 'NotReachable', message: 'It does not answer at the moment.' };
  // What a tenant has reserved counts wherever it is.
  if (tenant) return undefined;
  return cluster.state === 'cordoned' ? { reason: 'Cordoned', message: 'It takes no new tenants.' } : fullness(cluster);
}

/** What of a cluster's own does not meet what is asked for. */
function unmetOf({ regions = [], clusterLabels = {} }: PlacementRule, cluster: Pick<ClusterCandidate, 'region' | 'labels'>, who: Who): Ranked['obstacle'] {
  if (regions.length > 0 && !regions.includes(cluster.region)) return { reason: 'OtherRegion', message: `Its region is ${cluster.region}; the ${who} asks for ${regions.join(' or ')}.` };
  const label = Object.entries(clusterLabels).find(([name, value]) => cluster.labels[name] !== value);
  return label && { reason: 'OtherLabels', message: `It is not labelled ${label[0]}=${label[1]}.` };
}

/** Whether a cluster's region and labels are what is asked for. */
export function meets(rule: PlacementRule, cluster: Pick<ClusterCandidate, 'region' | 'labels'>): boolean {
  return unmetOf(rule, cluster, 'tenant') === undefined;
}

function fullness(cluster: ClusterCandidate): Ranked['obstacle'] {
  if (loadOf(cluster) >= 1) return { reason: 'Full', message: 'Its capacity is reserved.' };
  const { capacity, use, own = {} } = cluster;
  const short = capacity && UNITS.some((unit) => use[unit] + (own[unit] ?? 0) > capacity[unit]);
  return short ? { reason: 'Full', message: 'What the tenant has reserved does not fit into what is left of its capacity.' } : undefined;
}

const UNITS = ['cpuMillis', 'memoryMb', 'pods'] as const;

/** The part of the capacity that is reserved, in the dimension that has least left; 0 where no bound is known. */
function loadOf({ capacity, use }: ClusterCandidate): number {
  if (!capacity) return 0;
  return Math.max(...UNITS.map((unit) => (capacity[unit] > 0 ? use[unit] / capacity[unit] : 1)));
}

function byRank(a: Ranked, b: Ranked): number {
  return Number(a.obstacle !== undefined) - Number(b.obstacle !== undefined)
    || a.stickiness - b.stickiness
    || Number(!a.candidate.reachable) - Number(!b.candidate.reachable)
    || Math.floor(loadOf(a.candidate) * LOAD_STEPS) - Math.floor(loadOf(b.candidate) * LOAD_STEPS)
    || a.candidate.createdAt.getTime() - b.candidate.createdAt.getTime()
    || a.candidate.id.localeCompare(b.candidate.id);
}

function verdictOf({ candidate, there, obstacle }: Ranked, chosen: boolean, who: Who, asked: number): ClusterVerdict {
  const of = { clusterId: candidate.id, clusterName: candidate.name, region: candidate.region };
  if (obstacle) return { ...of, verdict: 'excluded', ...obstacle };
  if (!chosen) return { ...of, verdict: 'spare', reason: 'NotNeeded', message: `It would do; the ${who} is on ${asked} ${asked === 1 ? 'cluster' : 'clusters'}, and others come first.` };
  return there
    ? { ...of, verdict: 'chosen', reason: 'Kept', message: `The ${who} is here and it meets what is asked for.` }
    : { ...of, verdict: 'chosen', reason: 'LeastReserved', message: `It meets what is asked for, and ${Math.round(loadOf(candidate) * 100)} % of its capacity is reserved.` };
}
