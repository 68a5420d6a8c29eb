import { prepareTemplate } from './template.js';

/** Once a run: the migrated template, where a Postgres for tests is given. */
export async function setup(): Promise<void> {
  if (process.env.FNPLANE_TEST_DATABASE_URL && !process.env.FNPLANE_TEST_TEMPLATE_READY) await prepareTemplate();
}
