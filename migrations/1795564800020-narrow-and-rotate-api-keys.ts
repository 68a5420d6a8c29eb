import type { MigrationInterface, QueryRunner } from 'typeorm';

/** API keys get scopes, which narrow their role, and keep the credential before the present one while a rotation overlaps. */
export class NarrowAndRotateApiKeys1795564800020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(API_KEYS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const API_KEYS = `
ALTER TABLE api_key
  -- Permissions the key has of its role; null for all of them.
  ADD COLUMN scopes          text[],
  -- The credential before the present one: works until \`previous_until\`.
  ADD COLUMN previous_prefix text,
  ADD COLUMN previous_hash   text,
  ADD COLUMN previous_until  timestamptz,
  -- Counts rotations, for its entity tag.
  ADD COLUMN version         integer NOT NULL DEFAULT 1,
  ADD CONSTRAINT api_key_previous CHECK (num_nulls(previous_prefix, previous_hash, previous_until) IN (0, 3));
CREATE UNIQUE INDEX api_key_previous_prefix ON api_key (previous_prefix);
`;
