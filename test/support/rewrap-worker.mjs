// A worker process that does nothing but rewrap; for tests that kill it. Its settings are in its environment.
import 'reflect-metadata';
import { RewrapSecretsJob } from '../../dist/src/domains/configuration/jobs/rewrap-secrets.job.js';
import { loadConfig } from '../../dist/src/platform/config/config.js';
import { JobRunner } from '../../dist/src/platform/jobs/job-runner.js';
import { buildControlPlane } from '../../dist/src/roles/control-plane.js';

const config = loadConfig();
const plane = await buildControlPlane(config);
new JobRunner(plane.database, config.DATABASE_URL, [plane.app.get(RewrapSecretsJob, { strict: false })]).start();
process.stdout.write('working\n');
