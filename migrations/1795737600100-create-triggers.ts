import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Hosts and paths that functions answer at. */
export class CreateTriggers1795737600100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TYPES);
    await runner.query(TRIGGERS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

/** btree_gist is part of every Postgres (contrib) and trusted: no superuser is needed for it. */
const TYPES = `
CREATE SCHEMA types;
CREATE EXTENSION btree_gist SCHEMA types;
-- All that lies below a prefix lies between it with a slash and it with the character after the slash.
CREATE TYPE types.http_route AS RANGE (subtype = text, collation = "C");
`;

const TRIGGERS = `
CREATE TABLE http_trigger (
  tenant_id       uuid NOT NULL REFERENCES tenant (id),
  id              uuid NOT NULL,
  name            text NOT NULL,
  function_id     uuid NOT NULL,
  host            text NOT NULL,
  path_type       text NOT NULL CHECK (path_type IN ('exact', 'prefix')),
  path            text NOT NULL,
  -- As the client sent it: methods, rewrite, authentication.
  settings        jsonb NOT NULL,
  -- Whether the way over the gateway is the only one for now, as its function was last told.
  through_gateway boolean NOT NULL DEFAULT false,
  version         integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT http_trigger_name UNIQUE (tenant_id, name),
  CONSTRAINT http_trigger_route UNIQUE (host, path_type, path),
  -- Constraints see the rows of all tenants, which no query of one does: what one has, no other gets, nor anything above or below it.
  CONSTRAINT http_trigger_owner EXCLUDE USING gist (tenant_id WITH <>, (types.http_route(
    host || rtrim(path, '/') || '/', host || rtrim(path, '/') || CASE path_type WHEN 'prefix' THEN '0' ELSE '/' END, '[]')) WITH &&)
);
CREATE INDEX http_trigger_page ON http_trigger (tenant_id, created_at, id);
CREATE INDEX http_trigger_function ON http_trigger (tenant_id, function_id);
SELECT protect_tenant_table('http_trigger', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;
