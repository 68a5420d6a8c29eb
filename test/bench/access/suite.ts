import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BenchKeys } from '../harness/bench-keys.ts';
import { prepareApiGround } from '../harness/ground.ts';
import { describeMachine } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { runBenchmarks, type Benchmarks } from '../harness/run-benchmarks.ts';
import type { SuiteOptions, SuiteRun } from '../harness/suite-options.ts';
import { expectStatus } from '../stage/stage.ts';
import { benchAdmission } from './admission.ts';
import { benchCachedKey } from './cached-key.ts';
import { benchGuardedRead } from './guarded-read.ts';
import { benchRewrap } from './rewrap.ts';
import type { AccessStage } from './stage.ts';

const BENCHMARKS: Benchmarks<AccessStage> = {
  guard: benchGuardedRead,
  key: benchCachedKey,
  admission: benchAdmission,
  rewrap: benchRewrap,
};

export const ACCESS = Object.keys(BENCHMARKS);

/** What the walls cost: authentication, authorization, row-level security, admission, rotation of keys. Needs no cluster. */
export async function runAccess(options: SuiteOptions): Promise<SuiteRun> {
  const stage = await setStage(options);
  return { findings: await runBenchmarks(BENCHMARKS, stage, options), machine: describeMachine('none') };
}

async function setStage({ rounds, profile, progress, cleanup, signal }: SuiteOptions): Promise<AccessStage> {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-bench-'));
  cleanup.add('scratch files', async () => rmSync(folder, { recursive: true, force: true }));
  const ground = await prepareApiGround(progress, cleanup);
  const keys = new BenchKeys();
  const api = await progress.step('the api role', () => Platform.start({ ground, keys, folder, roles: 'api', ...(profile ? { profile } : {}) }), 2_000);
  cleanup.add('the api role', () => api.stop());
  const { operator } = api;
  const { id, name } = expectStatus(await operator.post('/v1/tenants', { name: 'bench' }), 202) as { id: string; name: string };
  const { key } = expectStatus(await operator.post(`/v1/tenants/${name}/api-keys`, { name: 'bench', role: 'developer' }), 201) as { key: string };
  const functionName = 'measured';
  expectStatus(await operator.put(`/v1/tenants/${name}/functions/${functionName}`, { name: functionName, runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } }), 202);
  return { ground, keys, api, tenant: { id, name, apiKey: key }, functionName, folder, rounds, progress, signal };
}
