import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who steps releases on a cluster. */
export class AddRolloutEngine1795737600010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE cluster ADD COLUMN rollout_engine text NOT NULL DEFAULT 'operator' CHECK (rollout_engine IN ('operator', 'argo'))`);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}
