import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The register of key-encryption keys, runs that give sealed rows another key, and what both need of `secret_version`. */
export class AddEncryptionKeys1795564800050 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(KEYS);
    await runner.query(GUARD);
    await runner.query(RUNS);
    await runner.query(ANSWERS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const KEYS = `
CREATE TABLE encryption_key (
  id            text PRIMARY KEY,
  provider      text NOT NULL CHECK (provider IN ('local', 'aws-kms', 'vault-transit')),
  -- A data key that it wrapped for nothing else: who opens it has the same key. Null until a process with the key has proved it on rows from before this table.
  check_value   bytea,
  -- Retired: no row needs it, and none will ever be sealed with it again. Rows are never deleted, so no id comes back.
  state         text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
  first_used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  retired_at    timestamptz
);
GRANT SELECT, INSERT, UPDATE ON encryption_key TO fnplane_system;

-- Row-level security is forced: as the owner of the table nothing would be seen.
SET LOCAL ROLE fnplane_system;
INSERT INTO encryption_key (id, provider, first_used_at) SELECT key_id, 'local', min(created_at) FROM secret_version GROUP BY key_id;
RESET ROLE;
CREATE INDEX secret_version_key ON secret_version (key_id, secret_id, number);
`;

const GUARD = `
-- Whoever seals holds the key's row until the end of its transaction; whoever retires the key waits for that, and then sees the rows.
CREATE FUNCTION demand_active_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE used text;
BEGIN
  FOR used IN SELECT DISTINCT key_id FROM changed WHERE key_id IS NOT NULL ORDER BY key_id LOOP
    PERFORM FROM encryption_key WHERE id = used AND state = 'active' FOR KEY SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the encryption key % is not in use', used USING ERRCODE = 'FN001';
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
CREATE TRIGGER secret_version_sealed AFTER INSERT ON secret_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE TRIGGER secret_version_rewrapped AFTER UPDATE ON secret_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
`;

const RUNS = `
CREATE TABLE rewrap_run (
  id           uuid PRIMARY KEY,
  -- The key that all rows shall be sealed with.
  target_key   text NOT NULL REFERENCES encryption_key (id),
  requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at  timestamptz,
  -- Rows with another key when it was asked for, those done since, and those that did not open.
  total        bigint NOT NULL,
  rewrapped    bigint NOT NULL DEFAULT 0,
  unreadable   bigint NOT NULL DEFAULT 0,
  -- Parts of the rows that are still to be gone through.
  parts_left   text[] NOT NULL
);
CREATE UNIQUE INDEX rewrap_run_open ON rewrap_run ((true)) WHERE finished_at IS NULL;
CREATE INDEX rewrap_run_page ON rewrap_run (requested_at);
GRANT SELECT, INSERT, UPDATE ON rewrap_run TO fnplane_system;
`;

const ANSWERS = `
-- Answers kept for a tenant's requests go with the tenant: a scope ends with @ and the tenant's id.
CREATE INDEX idempotency_tenant ON idempotency_key ("right"(scope, 37));
`;
