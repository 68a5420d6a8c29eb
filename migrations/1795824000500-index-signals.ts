import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the operators' metrics count: work that fails again and again, tenants that have spent what they may. */
export class IndexSignals1795824000500 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX work_item_failing ON work_item (kind) WHERE attempts >= 10');
    await runner.query('CREATE INDEX tenant_spend_reached ON tenant (name) WHERE spend_reached IS NOT NULL');
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}
