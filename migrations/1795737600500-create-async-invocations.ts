import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Invocations that were accepted and are run by the workers. */
export class CreateAsyncInvocations1795737600500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ASYNC_INVOCATIONS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const ASYNC_INVOCATIONS = `
CREATE TABLE async_invocation (
  tenant_id        uuid NOT NULL REFERENCES tenant (id),
  id               uuid NOT NULL,
  function_id      uuid NOT NULL,
  method           text NOT NULL,
  path             text NOT NULL,
  headers          jsonb NOT NULL,
  body             bytea,
  -- Whoever asked for it, as the gateway is told at each try.
  principal        text NOT NULL,
  state            text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
  -- Tries that reached the function.
  attempts         integer NOT NULL DEFAULT 0,
  max_attempts     integer NOT NULL CHECK (max_attempts BETWEEN 1 AND 10),
  -- How often it was put off since then without a try.
  waits            integer NOT NULL DEFAULT 0,
  max_age_seconds  integer NOT NULL,
  next_attempt_at  timestamptz NOT NULL,
  expires_at       timestamptz NOT NULL,
  -- New with each try: what a try says that a later one has overtaken is not recorded.
  run              uuid,
  -- Of the last try.
  status           integer,
  revision         integer,
  error_code       text,
  error_message    text,
  result_type      text,
  result_encoding  text,
  result           bytea,
  result_bytes     integer,
  result_too_large boolean NOT NULL DEFAULT false,
  version          integer NOT NULL DEFAULT 1,
  created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at      timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT async_invocation_finished CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed')))
);
CREATE INDEX async_invocation_page ON async_invocation (tenant_id, created_at, id);
CREATE INDEX async_invocation_function ON async_invocation (tenant_id, function_id);
CREATE INDEX async_invocation_queued ON async_invocation (tenant_id) WHERE state = 'queued';
CREATE INDEX async_invocation_failed ON async_invocation (tenant_id, finished_at) WHERE state = 'failed';
-- The sweep goes over all tenants.
CREATE INDEX async_invocation_age ON async_invocation (finished_at) WHERE finished_at IS NOT NULL;
SELECT protect_tenant_table('async_invocation', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;
