import { Counter, Histogram } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';

export const acceptedTotal = new Counter({ name: 'fnplane_async_invocations_accepted_total', help: 'Asynchronous invocations accepted.', registers: [registry] });
export const finishedTotal = new Counter({ name: 'fnplane_async_invocations_finished_total', help: 'Asynchronous invocations that ended, by outcome: succeeded, failed, expired.', labelNames: ['outcome'], registers: [registry] });
export const queueSeconds = new Histogram({
  name: 'fnplane_async_invocation_queue_seconds', help: 'From the time a try was due until a worker began it.', buckets: [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3600], registers: [registry],
});
