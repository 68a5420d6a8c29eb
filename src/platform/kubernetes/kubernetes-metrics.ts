import { Counter, Gauge, Histogram } from 'prom-client';
import { registry } from '../observability/metrics.js';

/** `code` is the HTTP status, or `timeout`, `aborted`, `error` where there was none. `resource` is a plural or `proxy`, `raw`. */
export const requestsTotal = new Counter({
  name: 'fnplane_kubernetes_requests_total',
  help: 'Requests to a Kubernetes API server',
  labelNames: ['cluster', 'verb', 'resource', 'code'] as const,
  registers: [registry],
});

/** Until the answer's body is read; watches and proxied streams are not observed. */
export const requestSeconds = new Histogram({
  name: 'fnplane_kubernetes_request_duration_seconds',
  help: 'Duration of requests to a Kubernetes API server',
  labelNames: ['cluster', 'verb', 'resource'] as const,
  buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 1, 5, 10],
  registers: [registry],
});

export const watchRestarts = new Counter({
  name: 'fnplane_kubernetes_watch_restarts_total',
  help: 'Watches that ended and were resumed or relisted, by cause',
  labelNames: ['cluster', 'resource', 'cause'] as const,
  registers: [registry],
});

export const cachedObjects = new Gauge({
  name: 'fnplane_kubernetes_cached_objects',
  help: 'Objects held by a reflector',
  labelNames: ['cluster', 'resource'] as const,
  registers: [registry],
});

export const queueDepth = new Gauge({
  name: 'fnplane_queue_depth',
  help: 'Keys that are due and wait for a worker',
  labelNames: ['queue'] as const,
  registers: [registry],
});

export const queueSeconds = new Histogram({
  name: 'fnplane_queue_work_duration_seconds',
  help: 'Duration of one run of a key',
  labelNames: ['queue', 'outcome'] as const,
  buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 30],
  registers: [registry],
});

/** By queue: seconds that the key which waits longest has waited for a run that succeeds. */
export const queueAges = new Map<string, () => number>();

export const queueOldest = new Gauge({
  name: 'fnplane_queue_oldest_seconds',
  help: 'How long the key that waits longest has been due without a run that succeeded, failed runs and the one under way included; 0 while the queue is paused',
  labelNames: ['queue'] as const,
  registers: [registry],
  collect() {
    this.reset();
    for (const [queue, age] of queueAges) this.set({ queue }, age());
  },
});

export const queueRetries = new Counter({
  name: 'fnplane_queue_retries_total',
  help: 'Runs that failed and were put back with a delay',
  labelNames: ['queue'] as const,
  registers: [registry],
});
