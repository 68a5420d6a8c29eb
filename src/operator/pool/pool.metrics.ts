import { Counter, Gauge, Histogram } from 'prom-client';
import { registry } from '../../platform/observability/metrics.js';

/** `outcome`: `warm`, `empty` (no pod was ready), `unfit` (the function cannot start warm), `failed`. */
export const poolClaims = new Counter({
  name: 'fnplane_pool_claims_total', help: 'Cold starts that asked a warm pool for a pod, by how that ended', labelNames: ['runtime', 'outcome'] as const, registers: [registry],
});

/** `step`: `prepare` (code and environment), `claim`, `specialize`, `whole`; `resize` ends after the answer. */
export const poolClaimSeconds = new Histogram({
  name: 'fnplane_pool_claim_duration_seconds', help: 'Parts of claims that succeeded', labelNames: ['runtime', 'step'] as const,
  buckets: [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.25, 0.5, 1, 2.5], registers: [registry],
});

export const poolPods = new Gauge({
  name: 'fnplane_pool_pods', help: 'Pods of warm pools', labelNames: ['cluster', 'runtime', 'state'] as const, registers: [registry],
});
