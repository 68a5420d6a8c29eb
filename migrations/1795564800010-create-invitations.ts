import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Invitations to a tenant, by the e-mail address of the person. */
export class CreateInvitations1795564800010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(INVITATIONS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const INVITATIONS = `
CREATE TABLE invitation (
  tenant_id   uuid NOT NULL REFERENCES tenant (id),
  id          uuid NOT NULL,
  -- For the person invited, who sees nothing else of the tenant yet; names of tenants never change.
  tenant_name text NOT NULL,
  -- Normalised: in lower case.
  email       text NOT NULL,
  role        text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer', 'billing')),
  -- Principal, as in the audit log.
  invited_by  text NOT NULL,
  expires_at  timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT invitation_once UNIQUE (tenant_id, email)
);
CREATE INDEX invitation_page ON invitation (tenant_id, created_at, id);
CREATE INDEX invitation_person ON invitation (email, created_at, id);
-- Accepted, withdrawn and expired ones are deleted: who was invited when is in the audit log.
SELECT protect_tenant_table('invitation', 'tenant_id', 'SELECT, INSERT, DELETE');
`;
