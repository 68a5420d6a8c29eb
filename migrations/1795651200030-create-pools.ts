import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each tenant wants of warm pods. */
export class CreatePools1795651200030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(POOLS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const POOLS = `
CREATE TABLE warm_pool (
  tenant_id  uuid PRIMARY KEY REFERENCES tenant (id),
  -- As the client sent them: runtime, min, max.
  runtimes   jsonb NOT NULL,
  version    integer NOT NULL,
  updated_at timestamptz NOT NULL
);
SELECT protect_tenant_table('warm_pool', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;
