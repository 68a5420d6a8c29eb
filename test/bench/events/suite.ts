import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchKeys } from '../harness/bench-keys.ts';
import { prepareApiGround } from '../harness/ground.ts';
import { describeMachine } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { runBenchmarks, type Benchmarks } from '../harness/run-benchmarks.ts';
import type { SuiteOptions, SuiteRun } from '../harness/suite-options.ts';
import { benchAccept } from './accept.ts';
import { benchCron } from './cron.ts';
import { benchKafka } from './kafka.ts';
import type { EventsStage } from './stage.ts';

const BENCHMARKS: Benchmarks<EventsStage> = { accept: benchAccept, cron: benchCron, kafka: benchKafka };

export const EVENTS = Object.keys(BENCHMARKS);

/** What starts functions beside a waiting caller: asynchronous invocations, schedules and topics. Needs no cluster. */
export async function runEvents(options: SuiteOptions): Promise<SuiteRun> {
  const stage = await setStage(options);
  return { findings: await runBenchmarks(BENCHMARKS, stage, options), machine: describeMachine('none') };
}

async function setStage({ rounds, profile, progress, cleanup, signal }: SuiteOptions): Promise<EventsStage> {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-bench-'));
  cleanup.add('scratch files', async () => rmSync(folder, { recursive: true, force: true }));
  const ground = await prepareApiGround(progress, cleanup);
  const keys = new BenchKeys();
  const api = await progress.step('the api role', () => Platform.start({ ground, keys, folder, roles: 'api', ...(profile ? { profile } : {}) }), 2_000);
  cleanup.add('the api role', () => api.stop());
  return { ground, keys, api, folder, rounds, progress, signal };
}
