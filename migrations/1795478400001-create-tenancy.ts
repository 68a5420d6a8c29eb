import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Roles, tenants, audit, operations, work items: what every other table stands on.
 *
 * Row-level security: sessions act as `fnplane_tenant` (sees rows of `app.tenant` only) or `fnplane_system` (background
 * work and platform roles). Neither owns a table. The login role becomes one of them by `SET LOCAL ROLE` in each transaction.
 */
export class CreateTenancy1795478400001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ROLES);
    await runner.query(TABLES);
    await runner.query(WORK);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const ROLES = `
DO $$
DECLARE role_name text;
BEGIN
  -- Roles belong to the whole server: another database's migration may be making them at this moment.
  PERFORM pg_advisory_xact_lock(hashtext('fnplane.roles'));
  FOREACH role_name IN ARRAY ARRAY['fnplane_tenant', 'fnplane_system'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, role_name, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO %I', role_name, current_user);
    END IF;
  END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO fnplane_tenant, fnplane_system;

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE AS
  $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;

-- Puts a table behind both walls: tenants see their own rows only, the system role all of them.
CREATE FUNCTION protect_tenant_table(target regclass, tenant_column text, tenant_rights text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY own_rows ON %s TO fnplane_tenant USING (%I = current_tenant()) WITH CHECK (%I = current_tenant())', target, tenant_column, tenant_column);
  EXECUTE format('CREATE POLICY all_rows ON %s TO fnplane_system USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT %s ON %s TO fnplane_tenant', tenant_rights, target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO fnplane_system', target);
END $$;
`;

const TABLES = `
CREATE TABLE plan (
  name        text PRIMARY KEY,
  description text NOT NULL DEFAULT '',
  limits      jsonb NOT NULL,
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  created_at  timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON plan TO fnplane_tenant, fnplane_system;

CREATE TABLE tenant (
  id                  uuid PRIMARY KEY,
  name                text NOT NULL,
  display_name        text NOT NULL DEFAULT '',
  labels              jsonb NOT NULL DEFAULT '{}',
  plan                text NOT NULL REFERENCES plan (name),
  time_zone           text NOT NULL DEFAULT 'UTC',
  state               text NOT NULL CHECK (state IN ('active', 'deleting', 'deleted')),
  suspension          text NOT NULL DEFAULT 'none' CHECK (suspension IN ('none', 'writes', 'ingress', 'compute')),
  generation          integer NOT NULL DEFAULT 1,
  observed_generation integer NOT NULL DEFAULT 0,
  conditions          jsonb NOT NULL DEFAULT '[]',
  version             integer NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  deleted_at          timestamptz
);
-- A name is free again once its tenant is gone; the row stays for the ledger and invoices.
CREATE UNIQUE INDEX tenant_name_key ON tenant (name) WHERE state <> 'deleted';
CREATE INDEX tenant_page ON tenant (created_at, id);
SELECT protect_tenant_table('tenant', 'id', 'SELECT, UPDATE');

CREATE TABLE audit_entry (
  id           uuid PRIMARY KEY,
  tenant_id    uuid REFERENCES tenant (id),
  at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  principal    text NOT NULL,
  action       text NOT NULL,
  target_kind  text NOT NULL,
  target_id    text NOT NULL,
  target_name  text NOT NULL DEFAULT '',
  request_id   text NOT NULL,
  result       text NOT NULL CHECK (result IN ('done', 'refused')),
  before_hash  text,
  after_hash   text
);
CREATE INDEX audit_page ON audit_entry (tenant_id, at, id);
SELECT protect_tenant_table('audit_entry', 'tenant_id', 'SELECT, INSERT');
REVOKE UPDATE, DELETE ON audit_entry FROM fnplane_system;

CREATE TABLE operation (
  id          uuid PRIMARY KEY,
  tenant_id   uuid NOT NULL REFERENCES tenant (id),
  kind        text NOT NULL,
  target_kind text NOT NULL,
  target_id   uuid NOT NULL,
  target_name text NOT NULL,
  generation  integer NOT NULL,
  state       text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'superseded')),
  reason      text,
  message     text,
  created_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
CREATE INDEX operation_page ON operation (tenant_id, created_at, id);
CREATE INDEX operation_running ON operation (target_id) WHERE state = 'running';
SELECT protect_tenant_table('operation', 'tenant_id', 'SELECT, INSERT, UPDATE');

CREATE TABLE idempotency_key (
  scope         text NOT NULL,
  key           text NOT NULL,
  request_hash  text NOT NULL,
  state         text NOT NULL CHECK (state IN ('running', 'done')),
  locked_until  timestamptz NOT NULL,
  status        integer,
  headers       jsonb,
  -- Sealed like a secret: an answer may hold one (a new API key).
  body          bytea,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_age ON idempotency_key (created_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_key TO fnplane_system;
`;

const WORK = `
-- One row a key: a burst collapses to one, the same key never runs twice at once (design: jobs carry keys, never payloads).
CREATE TABLE work_item (
  kind        text NOT NULL,
  key         text NOT NULL,
  fair_group  text NOT NULL DEFAULT '',
  gen         bigint NOT NULL DEFAULT 1,
  claimed_gen bigint,
  lease       uuid,
  attempts    integer NOT NULL DEFAULT 0,
  visible_at  timestamptz NOT NULL DEFAULT now(),
  created_at  timestamptz NOT NULL DEFAULT now(),
  last_error  text,
  PRIMARY KEY (kind, key)
);
CREATE INDEX work_item_due ON work_item (kind, visible_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON work_item TO fnplane_system;
-- A tenant's transaction may ask for work (upsert through the function below), never read or change others' items.
CREATE FUNCTION enqueue_work(p_kind text, p_key text, p_group text, p_delay_ms integer) RETURNS void
  LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO work_item (kind, key, fair_group, visible_at)
  VALUES (p_kind, p_key, p_group, clock_timestamp() + p_delay_ms * interval '1 millisecond')
  ON CONFLICT (kind, key) DO UPDATE SET
    gen = work_item.gen + 1,
    attempts = CASE WHEN work_item.lease IS NULL THEN 0 ELSE work_item.attempts END,
    visible_at = CASE WHEN work_item.lease IS NULL THEN least(work_item.visible_at, excluded.visible_at) ELSE work_item.visible_at END;
  SELECT pg_notify('fnplane_work', p_kind);
$$;
REVOKE ALL ON FUNCTION enqueue_work FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enqueue_work TO fnplane_tenant, fnplane_system;
`;
