import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Invocations at once and a minute, and spending, as limits; a tenant's mark of having spent what it may. */
export class ExtendQuotas1795564800070 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(SPENDING);
    await runner.query(LIMITS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const SPENDING = `
-- Null while the month's spending is within the tenant's limit; else month, limit, spent, currency and when it was noticed.
ALTER TABLE tenant ADD COLUMN spend_reached jsonb;
`;

/** A minute's worth of the rate, and a second's worth at once; what is stated already wins. */
const WITH_INVOCATION_LIMITS = (limits: string): string => `jsonb_build_object(
    'invocationsPerMinute', least(coalesce((${limits} ->> 'invocationsPerSecond')::bigint, 0) * 60, 2147483647),
    'concurrentInvocations', coalesce((${limits} ->> 'invocationsPerSecond')::bigint, 0)) || ${limits}`;

/** Nobody is held tighter than before. Rows of tenants are written as the system role: their walls hold for the owner too. */
const LIMITS = `
UPDATE plan SET limits = ${WITH_INVOCATION_LIMITS('limits')};
SET LOCAL ROLE fnplane_system;
UPDATE tenant_quota SET overrides = ${WITH_INVOCATION_LIMITS('overrides')}, version = version + 1 WHERE overrides ? 'invocationsPerSecond';
RESET ROLE;
`;
