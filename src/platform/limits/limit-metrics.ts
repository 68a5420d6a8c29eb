import { Counter } from 'prom-client';
import { registry } from '../observability/metrics.js';

const requests = new Counter({ name: 'fnplane_api_limited_requests_total', help: 'Requests that a rate limit admitted or refused, by kind of limit.', labelNames: ['limit', 'outcome'], registers: [registry] });
const leases = new Counter({ name: 'fnplane_api_rate_leases_total', help: 'Leases of tokens asked of the shared buckets: granted, empty, or failed for want of the database.', labelNames: ['limit', 'result'], registers: [registry] });
const leased = new Counter({ name: 'fnplane_api_rate_leased_tokens_total', help: 'Tokens that leases gave.', labelNames: ['limit'], registers: [registry] });

export type LimitName = 'principal' | 'tenant' | 'address';

/** The counters of one limit, looked up once. */
export class LimitMetrics {
  readonly admitted;
  readonly refused;
  /** Admitted by the process's own bucket, because the shared one could not be asked. */
  readonly alone;
  readonly granted;
  readonly empty;
  readonly failed;
  readonly tokens;

  constructor(limit: LimitName) {
    this.admitted = requests.labels(limit, 'admitted');
    this.refused = requests.labels(limit, 'refused');
    this.alone = requests.labels(limit, 'alone');
    this.granted = leases.labels(limit, 'granted');
    this.empty = leases.labels(limit, 'empty');
    this.failed = leases.labels(limit, 'failed');
    this.tokens = leased.labels(limit);
  }
}
