import { childReady, childSettings } from '../harness/child.ts';
import { compiled } from '../harness/compiled.ts';

export interface CronWorkerSettings {
  environment: Record<string, string>;
}

/** Of a worker what fires triggers and runs invocations, put together as the role does it: the rest of it needs a cluster. */
async function main(): Promise<void> {
  const { environment } = childSettings<CronWorkerSettings>();
  const [{ loadConfig }, { buildControlPlane }, { JobRunner }, { CronLoop }, { CRON_NEWS }, { RunAsyncInvocationJob }] = await Promise.all([
    compiled<typeof import('../../../src/platform/config/config.js')>('platform/config/config.js'),
    compiled<typeof import('../../../src/roles/control-plane.js')>('roles/control-plane.js'),
    compiled<typeof import('../../../src/platform/jobs/job-runner.js')>('platform/jobs/job-runner.js'),
    compiled<typeof import('../../../src/domains/cron-triggers/cron-loop.js')>('domains/cron-triggers/cron-loop.js'),
    compiled<typeof import('../../../src/domains/cron-triggers/cron-news.js')>('domains/cron-triggers/cron-news.js'),
    compiled<typeof import('../../../src/domains/async-invocations/jobs/run-async-invocation.job.js')>('domains/async-invocations/jobs/run-async-invocation.job.js'),
  ]);
  const config = loadConfig(environment);
  const { app, database } = await buildControlPlane(config);
  const loop = app.get(CronLoop, { strict: false });
  const runner = new JobRunner(database, config.DATABASE_URL!, [app.get(RunAsyncInvocationJob, { strict: false })]);
  runner.hear(CRON_NEWS, () => loop.wake());
  loop.start();
  runner.start();
  childReady(0);
}

await main();
