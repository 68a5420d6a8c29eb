import 'reflect-metadata';
import { ConfigurationError, loadConfig } from './platform/config/config.js';
import { logger } from './platform/observability/logger.js';
import { PlatformProcess } from './platform-process.js';

/** `EX_CONFIG` of sysexits: the operator has to change something before another try makes sense. */
const EXIT_CONFIGURATION = 78;

async function main(): Promise<void> {
  const platform = new PlatformProcess(loadConfig());
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    platform.stop().then(() => process.exit(0), (error: unknown) => {
      logger.error({ err: error }, 'could not stop cleanly');
      process.exit(1);
    });
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  await platform.start();
  logger.info({ ...platform.addresses() }, 'fnplane is up');
}

process.on('unhandledRejection', (error) => {
  logger.fatal({ err: error }, 'an unhandled rejection');
  process.exit(1);
});

try {
  await main();
} catch (error) {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`${error.message}\n`);
    process.exit(EXIT_CONFIGURATION);
  }
  logger.fatal({ err: error }, 'fnplane could not start');
  process.exit(1);
}
