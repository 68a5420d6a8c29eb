/** `cordoned` clusters keep their tenants and take no new ones; `draining` ones also give theirs away as soon as another cluster has them. */
export const CLUSTER_STATES = ['active', 'cordoned', 'draining'] as const;
export type ClusterState = (typeof CLUSTER_STATES)[number];

/** `process`: by the kubeconfig of the processes that work on it. `registered`: through the API, with a sealed kubeconfig. */
export const CLUSTER_CONNECTIONS = ['process', 'registered'] as const;
export type ClusterConnectionKind = (typeof CLUSTER_CONNECTIONS)[number];

/**
 * `pending`: being prepared to take over. `active`: chosen, and serves. `leaving`: not chosen any more; serves until what takes its place is ready.
 * `deleting`: being taken away. `orphaned`: to be taken away as soon as its cluster answers again.
 */
export const PLACEMENT_STATES = ['pending', 'active', 'leaving', 'deleting', 'orphaned'] as const;
export type PlacementState = (typeof PLACEMENT_STATES)[number];

/** States in which the tenant's things belong on the cluster. */
export const STANDING: ReadonlySet<PlacementState> = new Set<PlacementState>(['pending', 'active', 'leaving']);
/** States of those that are asked for: a tenant is ready when it is ready on all of them. */
export const WANTED: ReadonlySet<PlacementState> = new Set<PlacementState>(['pending', 'active']);

/** `tenant`: one of those that the tenant asks for as a whole. `functions`: only there for functions that ask for it. */
export const PLACEMENT_PURPOSES = ['tenant', 'functions'] as const;
export type PlacementPurpose = (typeof PLACEMENT_PURPOSES)[number];

export const CLUSTER_VERDICTS = ['chosen', 'spare', 'excluded'] as const;
export type Verdict = (typeof CLUSTER_VERDICTS)[number];

/** What tenants' reservations on a cluster may add up to. */
export interface ClusterCapacity {
  cpuMillis: number;
  memoryMb: number;
  pods: number;
}

/** What they add up to. */
export interface ClusterUse extends ClusterCapacity {
  tenants: number;
}

/** What a tenant asks of its places. */
export interface PlacementWish {
  /** Any of them; empty for all. */
  regions: string[];
  /** All of them. */
  clusterLabels: Record<string, string>;
  /** On so many clusters at once. */
  clusters: number;
}

export const ANYWHERE: PlacementWish = { regions: [], clusterLabels: {}, clusters: 1 };

/**
 * What one function asks of its places, within what its tenant asks: a cluster has to meet both.
 * Without `clusters` it is on as many as the tenant asks for, where so many meet it.
 */
export type PlacementRule = Partial<PlacementWish>;

/** What of a tenant runs on one cluster, as it was when somebody looked last. */
export interface PlacedWorkloads {
  total: number;
  ready: number;
  /** The first few that are not ready, and why. */
  waiting: { name: string; message: string }[];
}
