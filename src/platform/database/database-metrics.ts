import { Gauge } from 'prom-client';
import { registry } from '../observability/metrics.js';

/** What pg's pool tells of itself. */
export interface ConnectionPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { max?: number };
}

/** Pools that are open in this process: one, but in tests. */
export const openPools = new Set<ConnectionPool>();

const sum = (of: (pool: ConnectionPool) => number): number => [...openPools].reduce((total, pool) => total + of(pool), 0);

export const connections = new Gauge({
  name: 'fnplane_database_connections', help: 'Connections to Postgres that are open, by state: busy or idle', labelNames: ['state'] as const, registers: [registry],
  collect() {
    this.set({ state: 'busy' }, sum((pool) => pool.totalCount - pool.idleCount));
    this.set({ state: 'idle' }, sum((pool) => pool.idleCount));
  },
});

export const connectionLimit = new Gauge({
  name: 'fnplane_database_connections_limit', help: 'Connections to Postgres that may be open', registers: [registry],
  collect() { this.set(sum((pool) => pool.options.max ?? 0)); },
});

export const connectionWaits = new Gauge({
  name: 'fnplane_database_waiting_transactions', help: 'Transactions and statements that wait for a connection', registers: [registry],
  collect() { this.set(sum((pool) => pool.waitingCount)); },
});
