import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Clusters that are registered through the API, what tenants ask of their places, and the states of a move. */
export class ExtendClusters1795651200020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CLUSTERS);
    await runner.query(CREDENTIALS);
    await runner.query(PLACEMENTS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const CLUSTERS = `
ALTER TABLE cluster
  DROP CONSTRAINT cluster_connection_check,
  ADD CONSTRAINT cluster_connection_check CHECK (connection IN ('process', 'registered')),
  DROP CONSTRAINT cluster_state_check,
  ADD CONSTRAINT cluster_state_check CHECK (state IN ('active', 'cordoned', 'draining')),
  -- Null: no bound is known. Else cpuMillis, memoryMb and pods that tenants' quotas may add up to.
  ADD COLUMN capacity jsonb,
  -- Null: the gateway of the process that asks.
  ADD COLUMN gateway_url text,
  ADD COLUMN conditions jsonb NOT NULL DEFAULT '[]',
  -- When it was last asked, whatever came of it: without that nobody can say that it does not answer.
  ADD COLUMN attempted_at timestamptz,
  ADD COLUMN version integer NOT NULL DEFAULT 1,
  ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
`;

const CREDENTIALS = `
-- Apart from the cluster's row, which tenants' transactions may read. A new kubeconfig is a new number: workers connect anew.
CREATE TABLE cluster_credential (
  cluster_id  uuid PRIMARY KEY REFERENCES cluster (id) ON DELETE CASCADE,
  number      integer NOT NULL,
  key_id      text NOT NULL,
  wrapped_key bytea NOT NULL,
  sealed      bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX cluster_credential_key ON cluster_credential (key_id, cluster_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON cluster_credential TO fnplane_system;
CREATE TRIGGER cluster_credential_sealed AFTER INSERT ON cluster_credential REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE TRIGGER cluster_credential_rewrapped AFTER UPDATE ON cluster_credential REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
`;

const PLACEMENTS = `
ALTER TABLE placement
  DROP CONSTRAINT placement_state_check,
  -- pending: being prepared to take over. leaving: serves until what takes its place is ready. deleting: being taken away; orphaned: that, once its cluster answers again.
  ADD CONSTRAINT placement_state_check CHECK (state IN ('pending', 'active', 'leaving', 'deleting', 'orphaned')),
  ADD COLUMN state_since timestamptz NOT NULL DEFAULT now(),
  -- Null until somebody looked: functions, those that are ready there, and what the others wait for.
  ADD COLUMN workloads jsonb;
CREATE INDEX placement_cluster ON placement (cluster_id, tenant_id);

-- What a tenant asks of its places; no row: any one cluster.
CREATE TABLE placement_settings (
  tenant_id      uuid PRIMARY KEY REFERENCES tenant (id),
  regions        text[] NOT NULL DEFAULT '{}',
  cluster_labels jsonb NOT NULL DEFAULT '{}',
  clusters       integer NOT NULL DEFAULT 1 CHECK (clusters BETWEEN 1 AND 10),
  version        integer NOT NULL DEFAULT 1,
  updated_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE placement_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE placement_settings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON placement_settings FOR ALL TO fnplane_tenant USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
CREATE POLICY all_rows ON placement_settings FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON placement_settings TO fnplane_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON placement_settings TO fnplane_system;
`;
