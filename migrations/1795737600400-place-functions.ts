import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Functions with places of their own among their tenant's, and counters that are told apart by their cluster. */
export class PlaceFunctions1795737600400 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(PLACES);
    await runner.query(CURSORS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const PLACES = `
-- tenant: one of those that the tenant asks for as a whole. functions: only there for functions that ask for it.
ALTER TABLE placement ADD COLUMN wanted_by text NOT NULL DEFAULT 'tenant' CHECK (wanted_by IN ('tenant', 'functions'));
-- Null: wherever the tenant is. Else clusterId, state and since of each place of its own.
ALTER TABLE function ADD COLUMN places jsonb;
CREATE INDEX function_placed ON function (tenant_id) WHERE places IS NOT NULL;
`;

const CURSORS = `
-- Two clusters may have lives of the same name. Those there are, of whichever cluster their steps were booked for, go on from where they are: the ledger's keys begin with the life.
ALTER TABLE meter_cursor ADD COLUMN cluster text;
UPDATE meter_cursor SET cluster = booked.cluster FROM (
  SELECT DISTINCT ON (life, function_id, revision) split_part(dedupe_key, ':', 1) AS life, function_id, revision, cluster FROM usage_record ORDER BY life, function_id, revision, occurred_at DESC
) AS booked WHERE booked.life = meter_cursor.instance AND booked.function_id = meter_cursor.function_id AND booked.revision = meter_cursor.revision;
-- Opened, and nothing booked yet: opened anew by the next reading.
DELETE FROM meter_cursor WHERE cluster IS NULL;
ALTER TABLE meter_cursor
  ALTER COLUMN cluster SET NOT NULL,
  DROP CONSTRAINT meter_cursor_pkey,
  ADD PRIMARY KEY (cluster, instance, function_id, revision);
`;
