import type { FunctionResource } from '../../../contract/function-resource.js';
import { API_GROUP } from '../../../contract/names.js';
import type { HttpTriggerSpec } from '../../../contract/triggers.js';
import type { KubernetesObject, ObjectMetadata } from '../../../platform/kubernetes/kubernetes-object.js';
import { childMetadata, functionLabels } from '../../function/manifests/function-labels.js';
import type { Backend } from '../route.policy.js';

/** On routes: where they lead, and since when (RFC 3339). */
const LEADS_TO = `${API_GROUP}/leads-to`;
const LEADS_SINCE = `${API_GROUP}/leads-since`;

/** Where a route leads, and since when. */
export interface Direction {
  to: Backend;
  /** Absent: it never led elsewhere. */
  since?: string;
}

/** A Service of the tenant's namespace, with its share of the requests. */
export interface BackendShare {
  service: string;
  port: number;
  weight: number;
}

export interface RouteInput {
  fn: FunctionResource;
  trigger: HttpTriggerSpec;
  direction: Direction;
  /** Of {@link Direction.to}; one at least. */
  backends: readonly BackendShare[];
}

/** A trigger may move from one function to another: each has a route of its own for it. */
export function routeName(fn: FunctionResource, trigger: Pick<HttpTriggerSpec, 'name'>): string {
  return `${fn.metadata.name}---${trigger.name}`;
}

export function routeMetadata({ fn, trigger, direction }: RouteInput, annotations: Readonly<Record<string, string>> = {}): ObjectMetadata {
  return { ...childMetadata(fn, routeName(fn, trigger), functionLabels(fn)), annotations: { ...annotations, [LEADS_TO]: direction.to, ...(direction.since === undefined ? {} : { [LEADS_SINCE]: direction.since }) } };
}

/** As its annotations say; undefined where they say nothing. */
export function directionOf(route: KubernetesObject | undefined): Direction | undefined {
  const { [LEADS_TO]: to, [LEADS_SINCE]: since } = route?.metadata.annotations ?? {};
  if (to !== 'pods' && to !== 'gateway') return undefined;
  return since === undefined || Number.isNaN(Date.parse(since)) ? { to } : { to, since };
}
