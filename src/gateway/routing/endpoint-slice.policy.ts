import { FUNCTION_PORT, LABEL } from '../../contract/names.js';

/** The parts of `discovery.k8s.io/v1 EndpointSlice` that are read. */
export interface EndpointSlice {
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  endpoints?: {
    addresses: string[];
    /** `ready` absent means ready (API documentation of EndpointConditions). */
    conditions?: { ready?: boolean; serving?: boolean; terminating?: boolean };
    targetRef?: { kind?: string; name?: string; uid?: string };
  }[] | null;
  ports?: { name?: string; port?: number }[] | null;
}

/** A pod of a function, as endpoints, a wake's answer or a probe tell of it. */
export interface Endpoint {
  address: string;
  port: number;
  /** Name and UID of the pod; empty where it is not said. */
  pod: string;
  podUid: string;
  /** By the name of the revision's own Service; undefined where only the function's main Service has the pod. */
  revision: number | undefined;
  ready: boolean;
}

/** Whose pods a slice lists. */
export interface SliceOwner {
  /** `<namespace>/<function>` */
  function: string;
  /** Of a revision's own Service; undefined for the function's main one. */
  revision: number | undefined;
}

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

/** Pods of Argo Rollouts do not bear their revision in their names: its own Service's name tells. The function's label decides where there is one: `orders-r00004` is a Service of `orders` or of a function of that name. */
export function ownerOfSlice({ metadata: { namespace, labels } }: EndpointSlice): SliceOwner | undefined {
  const service = labels?.[SERVICE_NAME_LABEL];
  if (service === undefined) return undefined;
  const functionName = labels?.[LABEL.function] ?? service;
  return { function: `${namespace ?? ''}/${functionName}`, revision: service === functionName ? undefined : revisionOfPod(service.replace(`${functionName}---`, `${functionName}-`), functionName) };
}

/** Endpoints of one slice, those that are not ready too, but none that is ending. A function's Service has one port. */
export function endpointsOf(slice: EndpointSlice): Endpoint[] {
  const port = slice.ports?.[0]?.port ?? FUNCTION_PORT;
  const revision = ownerOfSlice(slice)?.revision;
  const all: Endpoint[] = [];
  for (const { addresses, conditions, targetRef } of slice.endpoints ?? []) {
    const address = addresses[0];
    const ready = conditions?.ready !== false;
    if (address === undefined || (!ready && conditions?.terminating === true)) continue;
    all.push({ address, port, pod: targetRef?.name ?? '', podUid: targetRef?.uid ?? '', revision, ready });
  }
  return all;
}

/** A pod stands in the slices of several Services, and for a moment in two of one while the controller moves it: it counts once. */
export function mergeEndpoints(slices: Iterable<readonly Endpoint[]>): Endpoint[] {
  const merged = new Map<string, Endpoint>();
  for (const slice of slices) {
    for (const endpoint of slice) {
      const id = endpointId(endpoint);
      const known = merged.get(id);
      merged.set(id, known ? { ...known, revision: known.revision ?? endpoint.revision, ready: known.ready || endpoint.ready } : endpoint);
    }
  }
  return [...merged.values()];
}

export function endpointId(endpoint: Endpoint): string {
  return `${endpoint.address}:${endpoint.port}#${endpoint.podUid}`;
}

/** Whether both are the same pod: by its name, or by its address where one of them has no name. */
export function isSamePod(a: Endpoint, b: Endpoint): boolean {
  return a.pod !== '' && b.pod !== '' ? a.pod === b.pod : a.address === b.address && a.port === b.port;
}

/** The revision a pod or Service belongs to, by its name (`<function>-r00007`, `<function>-r00007-<hash>-<hash>`). */
export function revisionOfPod(pod: string, functionName: string): number | undefined {
  if (!pod.startsWith(`${functionName}-r`)) return undefined;
  const digits = /^\d{5,}(?=-|$)/.exec(pod.slice(functionName.length + 2))?.[0];
  return digits === undefined ? undefined : Number(digits);
}
