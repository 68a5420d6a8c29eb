import { LABEL } from '../../contract/names.js';
import { decimalQuantity } from '../../platform/kubernetes/quantity.js';
import { LAG_METRIC } from '../scaling/pod-metric.js';
import type { MetricAccess } from './access-reviews.js';

export const EXTERNAL_GROUP = 'external.metrics.k8s.io';
export const EXTERNAL_VERSION = 'v1beta1';

const groupVersion = `${EXTERNAL_GROUP}/${EXTERNAL_VERSION}`;
const known = { groupVersion, version: EXTERNAL_VERSION };
export const EXTERNAL_API = { name: EXTERNAL_GROUP, versions: [known], preferredVersion: known };

/** What API servers and clients ask to find their way. By path. */
export const EXTERNAL_DISCOVERY: readonly (readonly [string, object])[] = [
  [`/apis/${EXTERNAL_GROUP}`, { kind: 'APIGroup', apiVersion: 'v1', ...EXTERNAL_API }],
  [`/apis/${groupVersion}`, {
    kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [{ name: LAG_METRIC, singularName: '', namespaced: true, kind: 'ExternalMetricValueList', verbs: ['get'] }],
  }],
];

/** A question for what waits for a function, wherever that is. */
export interface ExternalRequest {
  namespace: string;
  labelSelector: string;
}

const PATH = new RegExp(`^/apis/${groupVersion}/namespaces/([a-z0-9-]{1,63})/${LAG_METRIC}$`);

/** Null for every other address. `url` is a path with a query. Pure. */
export function parseExternalRequest(url: string): ExternalRequest | null {
  const [path = '', query = ''] = url.split('?', 2);
  const namespace = PATH.exec(path)?.[1];
  return namespace === undefined ? null : { namespace, labelSelector: new URLSearchParams(query).get('labelSelector') ?? '' };
}

export function externalAccessOf({ namespace }: ExternalRequest): MetricAccess {
  return { verb: 'list', group: EXTERNAL_GROUP, version: EXTERNAL_VERSION, resource: LAG_METRIC, namespace };
}

/** What is not known is left out: a zero would take pods away from a function that has work. Pure. */
export function buildExternalValues(functionId: string | undefined, found: { value: number; at: number } | undefined): object {
  const items = found === undefined ? [] : [{
    metricName: LAG_METRIC, metricLabels: { [LABEL.functionId]: functionId }, timestamp: new Date(found.at).toISOString().replace(/\.\d+Z$/, 'Z'), value: decimalQuantity(found.value),
  }];
  return { kind: 'ExternalMetricValueList', apiVersion: groupVersion, metadata: {}, items };
}
