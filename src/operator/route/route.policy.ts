import type { FunctionResource, RevisionSpec, TrafficShare } from '../../contract/function-resource.js';
import type { HttpTriggerSpec } from '../../contract/triggers.js';
import type { RouteKind } from './route-settings.js';

/** Where a route leads: over the platform's gateways, which wake, count and limit; or straight to the pods. */
export type Backend = 'gateway' | 'pods';

/** What a route's way is decided by. */
export interface RouteSituation {
  fn: FunctionResource;
  kind: RouteKind;
  /** Shares in force. */
  traffic: readonly TrafficShare[];
  /** Whether pods run, and shall go on to. */
  stays: boolean;
  /** Ready pods of a revision, and how many it needs for what it shall bear. */
  ready: (revision: number) => number;
  needed: (revision: number) => number;
}

/** Whether requests of this trigger can ever go straight to pods. What only gateways hold keeps them there. */
export function mayGoDirect({ fn, kind }: Pick<RouteSituation, 'fn' | 'kind'>, trigger: HttpTriggerSpec): boolean {
  if (trigger.authentication !== 'public' || trigger.through === 'gateway' || trigger.cors !== undefined || trigger.limits !== undefined || fn.spec.suspension !== 'none') return false;
  // An Ingress knows neither methods nor, but for annotations of each implementation, other paths.
  return kind === 'gateway-api' || (trigger.methods === undefined && trigger.rewrite === undefined);
}

/** Whether any of a function's triggers can: its pods must let the way in reach them before a route leads there. */
export function anyMayGoDirect(fn: FunctionResource, kind: RouteKind): boolean {
  return fn.spec.triggers?.http?.some((trigger) => mayGoDirect({ fn, kind }, trigger)) ?? false;
}

/** Where a trigger's route shall lead. Pure. @param present where it leads now; undefined for a new one */
export function backendOf(situation: RouteSituation, trigger: HttpTriggerSpec, present: Backend | undefined): Backend {
  const { fn, kind, stays } = situation;
  const shares = situation.traffic.filter(({ percent }) => percent > 0);
  if (!stays || shares.length === 0 || !mayGoDirect(situation, trigger)) return 'gateway';
  if (kind === 'ingress' && new Set(shares.map(({ revision }) => revision)).size > 1) return 'gateway';
  const bears = ({ revision }: TrafficShare): boolean => {
    const spec = fn.spec.revisions.find(({ number }) => number === revision);
    // Once there it stays as long as anybody answers: its pods come and go.
    return spec !== undefined && countsForItself(spec) && situation.ready(revision) >= (present === 'pods' ? 1 : situation.needed(revision));
  };
  return shares.every(bears) ? 'pods' : 'gateway';
}

/** Without counters of its own a request past the gateway is not billed, and only the gateway holds a pod to so many requests at once. */
function countsForItself({ metering, concurrency }: RevisionSpec): boolean {
  return metering === 'runtime' && concurrency === 0;
}
