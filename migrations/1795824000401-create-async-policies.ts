import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What holds for all asynchronous invocations of a function, and where they end. */
export class CreateAsyncPolicies1795824000401 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(POLICIES);
    await runner.query(DESTINATIONS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const POLICIES = `
CREATE TABLE async_policy (
  tenant_id       uuid NOT NULL,
  function_id     uuid NOT NULL,
  -- Null: the platform's own.
  max_attempts    integer CHECK (max_attempts BETWEEN 1 AND 10),
  max_age_seconds integer,
  -- As the client sent them: {"function": ...} or {"webhook": {"url": ...}}.
  on_success      jsonb,
  on_failure      jsonb,
  version         integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, function_id),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('async_policy', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

ALTER TABLE async_invocation
  -- How many invocations led to it, each the destination of the one before.
  ADD COLUMN hops integer NOT NULL DEFAULT 0,
  -- What became of its own destination: the invocation or event that tells of it, or why there is none.
  ADD COLUMN destination jsonb;
`;

const DESTINATIONS = `
-- A webhook without a name is where a function's invocations end.
ALTER TABLE webhook
  ADD COLUMN function_id uuid,
  ADD COLUMN outcome text CHECK (outcome IN ('success', 'failure')),
  ADD FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE,
  ADD CONSTRAINT webhook_destination UNIQUE (tenant_id, function_id, outcome),
  ADD CONSTRAINT webhook_kind CHECK ((name IS NULL) = (function_id IS NOT NULL) AND (name IS NULL) = (outcome IS NOT NULL));
`;
