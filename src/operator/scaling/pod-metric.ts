/** Names under which the platform tells autoscalers what a pod bears (`custom.metrics.k8s.io`). */
export const POD_METRIC = {
  requests: 'http_requests_per_second',
  concurrency: 'fnplane_concurrency',
} as const;

export type PodMetricName = (typeof POD_METRIC)[keyof typeof POD_METRIC];

export const POD_METRICS: readonly PodMetricName[] = Object.values(POD_METRIC);

/** What waits for a function as a whole (`external.metrics.k8s.io`), as far as more pods would help. Its label is the function's id. */
export const LAG_METRIC = 'fnplane_kafka_lag';
