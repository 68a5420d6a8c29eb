import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Time series of functions: figures of minutes and hours. */
export class CreateFunctionMetrics1795824000501 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(FUNCTION_METRICS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const FUNCTION_METRICS = `
CREATE TABLE function_metric (
  tenant_id     uuid NOT NULL REFERENCES tenant (id),
  -- No foreign key: a tenant's figures stay when a function goes, until they are too old.
  function_id   uuid NOT NULL,
  -- Seconds: minutes and hours are kept beside each other, for different times.
  resolution    integer NOT NULL CHECK (resolution IN (60, 3600)),
  at            timestamptz NOT NULL,
  cluster       text NOT NULL,
  succeeded     bigint NOT NULL DEFAULT 0,
  client_errors bigint NOT NULL DEFAULT 0,
  server_errors bigint NOT NULL DEFAULT 0,
  cold_starts   bigint NOT NULL DEFAULT 0,
  duration_ms   bigint NOT NULL DEFAULT 0,
  -- Counts by bound (contract: DURATION_BOUNDS), not cumulative: they add up over pods, functions and time.
  durations     bigint[] NOT NULL,
  in_flight     integer NOT NULL DEFAULT 0,
  pods          integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, function_id, resolution, at, cluster)
);
CREATE INDEX function_metric_of_tenant ON function_metric (tenant_id, resolution, at);
-- The sweep goes over all tenants.
CREATE INDEX function_metric_age ON function_metric (resolution, at);
SELECT protect_tenant_table('function_metric', 'tenant_id', 'SELECT');

-- Last totals read of each process life: the next reading adds the difference, whoever reads.
CREATE TABLE function_metric_cursor (
  cluster     text NOT NULL,
  instance    text NOT NULL,
  function_id uuid NOT NULL,
  tenant_id   uuid NOT NULL REFERENCES tenant (id),
  totals      bigint[] NOT NULL,
  read_at     timestamptz NOT NULL,
  PRIMARY KEY (cluster, instance, function_id)
);
CREATE INDEX function_metric_cursor_age ON function_metric_cursor (read_at);
SELECT protect_tenant_table('function_metric_cursor', 'tenant_id', 'SELECT');
`;
