import 'reflect-metadata';
import { ConfigurationError, loadConfig, required } from '../config/config.js';
import { logger } from '../observability/logger.js';
import { Database } from './database.js';

/** `npm run migration:run`: brings the schema of DATABASE_URL up to date, for installations that set FNPLANE_MIGRATE=never. */
async function main(): Promise<void> {
  const config = loadConfig({ ...process.env, FNPLANE_ROLES: 'meter' });
  const database = new Database({ url: required(config, 'DATABASE_URL'), poolSize: 2, applicationName: 'fnplane-migrate' });
  await database.open();
  try {
    logger.info({ migrations: await database.migrate() }, 'the schema is up to date');
  } finally {
    await database.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigurationError ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
