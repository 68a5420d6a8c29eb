import { prepareTemplate } from './template.js';

/** Tells the other set-ups of this run that it is there. */
const READY = 'FNPLANE_TEST_TEMPLATE_READY';

/** Once a run: the migrated template, where a Postgres for tests is given. */
export async function setup(): Promise<void> {
  if (!process.env.FNPLANE_TEST_DATABASE_URL || process.env[READY]) return;
  await prepareTemplate();
  process.env[READY] = 'true';
}
