import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Token buckets of the API's rate limits. Losing them in a crash only fills every bucket: the table is not logged. */
export class CreateRateBuckets1795564800040 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(RATE_BUCKETS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

// Rows are small and only updated: with half of each page free, updates stay on it.
const RATE_BUCKETS = `
CREATE UNLOGGED TABLE rate_bucket (
  -- 'principal:<key>' or 'tenant:<id>'.
  key     text PRIMARY KEY,
  -- When it holds its burst again; what it holds before that follows.
  full_at timestamptz NOT NULL,
  -- What the last statement took.
  granted integer NOT NULL
) WITH (fillfactor = 50);
GRANT SELECT, INSERT, UPDATE, DELETE ON rate_bucket TO fnplane_system;
`;
