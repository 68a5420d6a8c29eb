import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What may be told of each version of a secret, versions that are destroyed, and which versions a revision was deployed with. */
export class ExtendSecretVersions1795564800060 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(VERSIONS);
    await runner.query(REVISIONS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const VERSIONS = `
ALTER TABLE secret_version
  -- Names of its values, sorted; unknown of versions that were superseded before names were noted.
  ADD COLUMN keys text[],
  ADD COLUMN created_by text,
  -- Since then its data key and values are gone; the row stays to tell so.
  ADD COLUMN destroyed_at timestamptz,
  ALTER COLUMN key_id DROP NOT NULL,
  ALTER COLUMN wrapped_key DROP NOT NULL,
  ALTER COLUMN sealed DROP NOT NULL,
  ADD CONSTRAINT secret_version_destroyed CHECK (num_nonnulls(key_id, wrapped_key, sealed) = CASE WHEN destroyed_at IS NULL THEN 3 ELSE 0 END);
-- Row-level security binds the tables' owner too.
SET LOCAL ROLE fnplane_system;
UPDATE secret_version version SET keys = secret.keys FROM secret
  WHERE secret.tenant_id = version.tenant_id AND secret.id = version.secret_id AND secret.current_version = version.number;
RESET ROLE;
`;

const REVISIONS = `
-- Secret name -> number of its version when the revision was deployed: tells later which values have gone since.
ALTER TABLE revision ADD COLUMN secret_versions jsonb NOT NULL DEFAULT '{}';
`;
