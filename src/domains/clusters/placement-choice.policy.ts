import type { ClusterCapacity, ClusterState, ClusterUse, PlacementState, PlacementWish, Verdict } from './placement-states.js';

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
  createdAt: Date;
}

export interface PresentPlacement {
  clusterId: string;
  state: PlacementState;
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

interface Ranked {
  candidate: ClusterCandidate;
  present: PlacementState | undefined;
  /** Why not; undefined for those that could be chosen. */
  obstacle: Pick<ClusterVerdict, 'reason' | 'message'> | undefined;
}

/** Where a tenant is counts first, so that nobody is moved without need: those that serve, those that served, those being prepared. */
const STICKINESS: Partial<Record<PlacementState, number>> = { active: 0, leaving: 1, pending: 2 };
const NOT_THERE = 3;
/** Small differences of load do not decide: the order of clusters does, so that the choice can be foreseen. */
const LOAD_STEPS = 10;

/** Chooses clusters for a tenant. The same input gives the same choice. Pure. */
export function choosePlacements(wish: PlacementWish, candidates: readonly ClusterCandidate[], present: readonly PresentPlacement[]): PlacementChoice {
  const states = new Map(present.map(({ clusterId, state }) => [clusterId, state]));
  const ranked = candidates.map((candidate): Ranked => ({ candidate, present: states.get(candidate.id), obstacle: obstacleOf(wish, candidate, states.get(candidate.id)) })).sort(byRank);
  const chosen = new Set(ranked.filter(({ obstacle }) => !obstacle).slice(0, wish.clusters).map(({ candidate }) => candidate.id));
  return { chosen: [...chosen], missing: wish.clusters - chosen.size, verdicts: ranked.map((one) => verdictOf(one, chosen.has(one.candidate.id), wish)) };
}

function obstacleOf(wish: PlacementWish, cluster: ClusterCandidate, present: PlacementState | undefined): Ranked['obstacle'] {
  const there = present !== undefined && present in STICKINESS;
  if (present !== undefined && !there) return { reason: 'BeingTakenAway', message: 'What the tenant had here is still being taken away.' };
  if (wish.regions.length > 0 && !wish.regions.includes(cluster.region)) return { reason: 'OtherRegion', message: `Its region is ${cluster.region}; the tenant asks for ${wish.regions.join(' or ')}.` };
  const label = Object.entries(wish.clusterLabels).find(([name, value]) => cluster.labels[name] !== value);
  if (label) return { reason: 'OtherLabels', message: `It is not labelled ${label[0]}=${label[1]}.` };
  if (cluster.state === 'draining') return { reason: 'Draining', message: 'It is being drained.' };
  if (cluster.lost) return { reason: 'Lost', message: 'It has not answered for too long.' };
  // What is there may stay through what keeps newcomers out.
  if (there) return undefined;
  if (cluster.state === 'cordoned') return { reason: 'Cordoned', message: 'It takes no new tenants.' };
  if (!cluster.reachable) return { reason: 'NotReachable', message: 'It does not answer at the moment.' };
  const full = loadOf(cluster) >= 1;
  return full ? { reason: 'Full', message: 'Its capacity is reserved.' } : undefined;
}

/** The part of the capacity that is reserved, in the dimension that has least left; 0 where no bound is known. */
function loadOf({ capacity, use }: ClusterCandidate): number {
  if (!capacity) return 0;
  return Math.max(...(['cpuMillis', 'memoryMb', 'pods'] as const).map((unit) => (capacity[unit] > 0 ? use[unit] / capacity[unit] : 1)));
}

function byRank(a: Ranked, b: Ranked): number {
  return Number(a.obstacle !== undefined) - Number(b.obstacle !== undefined)
    || stickiness(a) - stickiness(b)
    || Number(!a.candidate.reachable) - Number(!b.candidate.reachable)
    || Math.floor(loadOf(a.candidate) * LOAD_STEPS) - Math.floor(loadOf(b.candidate) * LOAD_STEPS)
    || a.candidate.createdAt.getTime() - b.candidate.createdAt.getTime()
    || a.candidate.id.localeCompare(b.candidate.id);
}

function stickiness({ present }: Ranked): number {
  return (present && STICKINESS[present]) ?? NOT_THERE;
}

function verdictOf({ candidate, present, obstacle }: Ranked, chosen: boolean, wish: PlacementWish): ClusterVerdict {
  const of = { clusterId: candidate.id, clusterName: candidate.name, region: candidate.region };
  if (obstacle) return { ...of, verdict: 'excluded', ...obstacle };
  const there = present !== undefined;
  if (!chosen) return { ...of, verdict: 'spare', reason: 'NotNeeded', message: `It would do; the tenant is on ${wish.clusters} ${wish.clusters === 1 ? 'cluster' : 'clusters'}, and others come first.` };
  return there
    ? { ...of, verdict: 'chosen', reason: 'Kept', message: 'The tenant is here and it meets what is asked for.' }
    : { ...of, verdict: 'chosen', reason: 'LeastReserved', message: `It meets what is asked for, and ${Math.round(loadOf(candidate) * 100)} % of its capacity is reserved.` };
}
