import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import { BareCluster } from '../harness/bare-cluster.ts';
import { BenchKeys } from '../harness/bench-keys.ts';
import { compiled } from '../harness/compiled.ts';
import { prepareGround, type Cleanup } from '../harness/ground.ts';
import { Platform } from '../harness/platform-process.ts';
import type { SuiteOptions } from '../harness/suite-options.ts';
import { until } from '../harness/until.ts';
import { SharedFunction } from './shared-function.ts';
import { expectStatus, removeTenants, TENANT_READY_MS, untilReady, type Stage } from './stage.ts';

/** A platform on a cluster, with a tenant that several benchmarks share. */
export async function setStage({ rounds, profile, progress, cleanup, signal }: SuiteOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'fnplane-bench-'));
  cleanup.add('scratch files', async () => rmSync(folder, { recursive: true, force: true }));
  const ground = await prepareGround(progress, cleanup, signal);
  const cluster = await BareCluster.open(ground.kubeconfig);
  cleanup.add('connections', () => cluster.close());
  const keys = new BenchKeys();
  const platform = await progress.step('the platform, all roles in one process', () => Platform.start({ ground, keys, folder, ...(profile ? { profile } : {}) }), 4_000);
  cleanup.add('the platform', () => platform.stop());
  await waitForOperator(platform, progress, signal);
  const tenant = await progress.step('a tenant', () => makeTenant(platform, cleanup, signal), 2_000);
  return { ground, keys, platform, cluster, tenant, sharedFunction: new SharedFunction(platform, tenant.name, signal), folder, rounds, profile, progress, cleanup, signal };
}

/** Another platform's operator on the same cluster leads until its lease runs out; then its work would be measured. */
async function waitForOperator(platform: Platform, progress: Progress, signal: AbortSignal): Promise<void> {
  const elected = (): boolean => platform.logText().includes('"elected"');
  await until('the operator\'s election', async () => (elected() ? { found: true } : { seen: 'another leads' }), { withinMs: 25_000, everyMs: 100, signal })
    .catch((error: unknown) => {
      signal.throwIfAborted();
      progress.say(`  note: ${(error as Error).message}. Functions are put in place by that one.`);
    });
}

async function makeTenant(platform: Platform, cleanup: Cleanup, signal: AbortSignal): Promise<Stage['tenant']> {
  const { tenantNamespace } = await compiled<typeof import('../../../src/contract/names.js')>('contract/names.js');
  const { operator } = platform;
  const name = 'bench';
  const { id } = expectStatus(await operator.post('/v1/tenants', { name }), 202) as { id: string };
  cleanup.add('the shared tenant', () => removeTenants(operator, [name]));
  await untilReady(operator, `/v1/tenants/${name}`, TENANT_READY_MS, 50, signal);
  const overrides = { invocationsPerSecond: 1_000_000, invocationsPerMinute: 60_000_000, concurrentInvocations: 10_000, functions: 200, pods: 200, cpuMillis: 64_000, memoryMb: 65_536, ephemeralStorageMb: 65_536 };
  expectStatus(await operator.patch(`/v1/tenants/${name}/quota`, { overrides }), 200);
  const { key } = expectStatus(await operator.post(`/v1/tenants/${name}/api-keys`, { name: 'bench', role: 'developer' }), 201) as { key: string };
  return { name, id, namespace: tenantNamespace(id), apiKey: key };
}
