import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ledger of capacity that was kept ready, and what it costs. */
export class CreateCapacityRecords1795737600300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CAPACITY);
    await runner.query(PRICES);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const CAPACITY = `
CREATE TABLE capacity_record (
  id            uuid NOT NULL PRIMARY KEY,
  tenant_id     uuid NOT NULL REFERENCES tenant (id),
  -- 'pool': a pod that waited in a warm pool. 'function': a pod of a function, busy or not.
  use           text NOT NULL CHECK (use IN ('pool', 'function')),
  -- No foreign keys: the ledger outlives functions and pods.
  function_id   uuid,
  function_name text,
  revision      integer,
  -- Of pods that waited.
  runtime       text,
  cluster       text NOT NULL,
  pod_uid       text NOT NULL,
  -- Begin of the five minutes, counted from 1970, that the time lies in: months of all time zones begin with one.
  window_at     timestamptz NOT NULL,
  ms            bigint NOT NULL CHECK (ms > 0),
  -- ms x MB and ms x millicores of the pod.
  mb_ms         numeric(38, 0) NOT NULL CHECK (mb_ms >= 0),
  cpu_milli_ms  numeric(38, 0) NOT NULL CHECK (cpu_milli_ms >= 0),
  -- When the time began.
  occurred_at   timestamptz NOT NULL,
  recorded_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- What a pod did in one window is booked once, whoever reads it.
  UNIQUE (pod_uid, use, window_at),
  CHECK (CASE use WHEN 'pool' THEN runtime IS NOT NULL AND function_id IS NULL ELSE function_id IS NOT NULL AND function_name IS NOT NULL AND revision IS NOT NULL AND runtime IS NULL END)
);
CREATE INDEX capacity_by_time ON capacity_record (tenant_id, occurred_at, id);
SELECT protect_tenant_table('capacity_record', 'tenant_id', 'SELECT');
REVOKE UPDATE, DELETE ON capacity_record FROM fnplane_system;
`;

/** Waiting pods cost a quarter of what running does; the idle time of functions' own pods is shown, and costs nothing until a plan says so. */
const PRICES = `
ALTER TABLE price DROP CONSTRAINT price_meter_check;
ALTER TABLE price ADD CONSTRAINT price_meter_check CHECK (meter IN (
  'invocations', 'gb_seconds', 'cpu_seconds', 'response_gb', 'idle_gb_seconds', 'idle_cpu_seconds', 'pool_gb_seconds', 'pool_cpu_seconds'));
INSERT INTO price (plan, meter, amount, per, free_allowance)
SELECT plan.name, entry.meter, entry.amount, 1, 0 FROM plan, (VALUES
  ('pool_gb_seconds', 0.0000041667),
  ('pool_cpu_seconds', 0.000006)
) AS entry (meter, amount) WHERE plan.name IN ('standard', 'small');
`;
