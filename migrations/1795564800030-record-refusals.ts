import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Refusals carry their code; each filter of the audit log has an index; nobody changes an entry, not even the tables' owner by mistake. */
export class RecordRefusals1795564800030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
    await runner.query(INDEXES);
    await runner.query(APPEND_ONLY);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const COLUMNS = `
ALTER TABLE audit_entry
  ADD COLUMN code text,
  ADD CONSTRAINT audit_entry_code_check CHECK ((result = 'refused') = (code IS NOT NULL)),
  -- Cursors hold milliseconds, as the programs that write and read it do.
  ALTER COLUMN at TYPE timestamptz(3);
`;

/** One index a filter. Those without the tenant in front serve the platform's own view too: principals, ids and requests are not shared by tenants. */
const INDEXES = `
CREATE INDEX audit_time ON audit_entry (at, id);
CREATE INDEX audit_principal ON audit_entry (principal, tenant_id, at, id);
CREATE INDEX audit_action ON audit_entry (tenant_id, action, at, id);
CREATE INDEX audit_target_kind ON audit_entry (tenant_id, target_kind, at, id);
CREATE INDEX audit_target_id ON audit_entry (target_id, at, id);
CREATE INDEX audit_target_name ON audit_entry (tenant_id, target_name, at, id);
CREATE INDEX audit_request ON audit_entry (request_id);
CREATE INDEX audit_refused ON audit_entry (tenant_id, at, id) WHERE result = 'refused';
`;

const APPEND_ONLY = `
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'audit entries are append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
-- A second net under the privileges, for who owns the table; archiving is described in src/domains/audit/README.md.
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
`;
