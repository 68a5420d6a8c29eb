import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What functions print, and how far it has been collected. */
export class CreateLogs1795824000300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LOGS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const LOGS = `
-- Whoever writes entries of a tenant holds its row until the end of the transaction: positions become visible in their order.
CREATE TABLE log_volume (
  tenant_id     uuid PRIMARY KEY REFERENCES tenant (id),
  last_position bigint NOT NULL DEFAULT 0,
  -- At most too high: what goes with a function is not taken off before the sweep counts anew.
  bytes         bigint NOT NULL DEFAULT 0,
  swept_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT protect_tenant_table('log_volume', 'tenant_id', 'SELECT');

CREATE TABLE log_entry (
  tenant_id    uuid NOT NULL,
  -- In the order of collection, counted from 1 in each tenant.
  position     bigint NOT NULL,
  function_id  uuid NOT NULL,
  revision     integer NOT NULL,
  cluster      text NOT NULL,
  pod          text NOT NULL,
  time         timestamptz NOT NULL,
  level        text CHECK (level IN ('debug', 'info', 'warn', 'error')),
  request_id   text,
  message      text NOT NULL,
  -- JSON as text: jsonb cannot hold all that JSON can.
  fields       text,
  bytes        integer NOT NULL,
  collected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, position),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX log_entry_function ON log_entry (tenant_id, function_id, position);
CREATE INDEX log_entry_time ON log_entry (tenant_id, function_id, time);
CREATE INDEX log_entry_request ON log_entry (tenant_id, function_id, request_id, position) WHERE request_id IS NOT NULL;
SELECT protect_tenant_table('log_entry', 'tenant_id', 'SELECT');

CREATE TABLE log_source (
  tenant_id   uuid NOT NULL,
  pod_uid     uuid NOT NULL,
  function_id uuid NOT NULL,
  -- Time of the last line that was dealt with, as the node stamped it: ns since 1970.
  read_to     bigint NOT NULL DEFAULT 0,
  read_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, pod_uid),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX log_source_function ON log_source (tenant_id, function_id);
CREATE INDEX log_source_age ON log_source (read_at);
SELECT protect_tenant_table('log_source', 'tenant_id', 'SELECT');

-- Which process collects from a cluster.
CREATE TABLE log_collector (
  cluster_id uuid PRIMARY KEY REFERENCES cluster (id) ON DELETE CASCADE,
  holder     uuid NOT NULL,
  held_until timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON log_collector TO fnplane_system;
`;
