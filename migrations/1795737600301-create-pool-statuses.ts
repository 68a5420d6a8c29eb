import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the clusters say of tenants' warm pools. */
export class CreatePoolStatuses1795737600301 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(STATUSES);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const STATUSES = `
CREATE TABLE warm_pool_status (
  -- A tenant that leaves takes its own along, and so does a cluster.
  tenant_id   uuid NOT NULL REFERENCES warm_pool (tenant_id) ON DELETE CASCADE,
  cluster_id  uuid NOT NULL REFERENCES cluster (id) ON DELETE CASCADE,
  -- Of the object: news that come late never undo newer ones.
  uid         text NOT NULL,
  version     numeric NOT NULL,
  status      jsonb NOT NULL,
  observed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, cluster_id)
);
SELECT protect_tenant_table('warm_pool_status', 'tenant_id', 'SELECT');
`;
