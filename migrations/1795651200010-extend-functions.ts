import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Traffic, rollouts and full scaling of functions; pinned revisions. */
export class ExtendFunctions1795651200010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(COLUMNS);
    await runner.query(SCALING);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const COLUMNS = `
ALTER TABLE function
  -- In force, as scaling is: what was sent stands in settings.
  ADD COLUMN traffic           jsonb NOT NULL DEFAULT '[{"percent": 100}]',
  ADD COLUMN rollout           jsonb NOT NULL DEFAULT '{"strategy": "all-at-once"}',
  -- What the owner said of the rollout of the present target.
  ADD COLUMN rollout_state     jsonb NOT NULL DEFAULT '{"attempt": 0}',
  -- The revision that served before the one that serves: where a rollback goes.
  ADD COLUMN previous_revision integer,
  -- Shares, pods, rollout and scale as a cluster told them last.
  ADD COLUMN release           jsonb NOT NULL DEFAULT '{}';
ALTER TABLE revision ADD COLUMN pinned boolean NOT NULL DEFAULT false;
`;

/** What runs goes on as it does: no metric comes to those that had none. Rows of tenants are written as the system role: their walls hold for the owner too. */
const SCALING = `
SET LOCAL ROLE fnplane_system;
UPDATE function SET scaling = '{"burst": 10, "scaleDownDelaySeconds": 60, "idleTimeoutSeconds": 300}'::jsonb || scaling;
RESET ROLE;
`;
