import { collectDefaultMetrics, Registry } from 'prom-client';

/** The process's Prometheus registry: served as `/metrics` on the management port of every role. */
export const registry = new Registry();
collectDefaultMetrics({ register: registry, prefix: 'fnplane_' });
