import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { decimalQuantity } from '../../platform/kubernetes/quantity.js';
import { POD_METRIC, POD_METRICS, type PodMetricName } from '../scaling/pod-metric.js';
import type { PodLoad } from '../scaling/load-view.js';
import type { MetricAccess } from './access-reviews.js';
import { EXTERNAL_DISCOVERY, EXTERNAL_API } from './external-metric.policy.js';

export const METRICS_GROUP = 'custom.metrics.k8s.io';
/** The preferred one first. */
export const METRICS_VERSIONS = ['v1beta2', 'v1beta1'] as const;
export type MetricsVersion = (typeof METRICS_VERSIONS)[number];

const groupVersions = METRICS_VERSIONS.map((version) => ({ groupVersion: `${METRICS_GROUP}/${version}`, version }));
const group = { name: METRICS_GROUP, versions: groupVersions, preferredVersion: groupVersions[0] };

/** What API servers and clients ask to find their way. By path. */
export const DISCOVERY: ReadonlyMap<string, object> = new Map<string, object>([
  ['/apis', { kind: 'APIGroupList', apiVersion: 'v1', groups: [group, EXTERNAL_API] }],
  [`/apis/${METRICS_GROUP}`, { kind: 'APIGroup', apiVersion: 'v1', ...group }],
  ...METRICS_VERSIONS.map((version): [string, object] => [`/apis/${METRICS_GROUP}/${version}`, {
    kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${METRICS_GROUP}/${version}`,
    resources: POD_METRICS.map((metric) => ({ name: `pods/${metric}`, singularName: '', namespaced: true, kind: 'MetricValueList', verbs: ['get'] })),
  }]),
  ...EXTERNAL_DISCOVERY,
  ['/openapi/v3', { paths: {} }],
]);

/** A question for one metric of pods. */
export interface MetricRequest {
  version: MetricsVersion;
  namespace: string;
  /** `*`: those that `labelSelector` names. */
  pod: string;
  metric: string;
  labelSelector: string;
}

const PATH = new RegExp(`^/apis/${METRICS_GROUP}/(${METRICS_VERSIONS.join('|')})/namespaces/([a-z0-9-]{1,63})/pods/(\\*|[a-z0-9.-]{1,253})/([a-z0-9_]{1,100})$`);

/** Null for every other address. `url` is a path with a query, as in a request's first line. Pure. */
export function parseMetricRequest(url: string): MetricRequest | null {
  const [path = '', query = ''] = url.split('?', 2);
  const [, version, namespace = '', pod = '', metric = ''] = PATH.exec(path.replaceAll('%2A', '*').replaceAll('%2a', '*')) ?? [];
  if (!version) return null;
  return { version: version as MetricsVersion, namespace, pod, metric, labelSelector: new URLSearchParams(query).get('labelSelector') ?? '' };
}

export function accessOf({ version, namespace, pod, metric }: MetricRequest): MetricAccess {
  return { verb: 'get', group: METRICS_GROUP, version, resource: 'pods', subresource: metric, namespace, name: pod };
}

export function isPodMetric(name: string): name is PodMetricName {
  return (POD_METRICS as readonly string[]).includes(name);
}

export interface MeasuredPod {
  pod: Pod;
  load: PodLoad | undefined;
}

/** Pods of which nothing is known are left out: autoscalers then are careful, where a zero would mislead them. Pure. */
export function buildMetricValues(version: MetricsVersion, metric: PodMetricName, pods: readonly MeasuredPod[]): object {
  const items = pods.flatMap(({ pod: { metadata }, load }) => {
    const value = metric === POD_METRIC.requests ? load?.perSecond : load?.concurrency;
    if (load === undefined || value === undefined) return [];
    return {
      describedObject: { kind: 'Pod', namespace: metadata.namespace, name: metadata.name, apiVersion: '/v1' },
      ...(version === 'v1beta1' ? { metricName: metric } : { metric: { name: metric } }),
      timestamp: new Date(load.at).toISOString().replace(/\.\d+Z$/, 'Z'),
      windowSeconds: Math.round(load.windowSeconds),
      value: decimalQuantity(value),
    };
  });
  return { kind: 'MetricValueList', apiVersion: `${METRICS_GROUP}/${version}`, metadata: {}, items };
}

const REASONS: Record<number, string> = { 400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 500: 'InternalError', 503: 'ServiceUnavailable' };

/** A refusal as the API server's clients read it. */
export function buildStatus(code: number, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason: REASONS[code] ?? 'Unknown', code };
}
