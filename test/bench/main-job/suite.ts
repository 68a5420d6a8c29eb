import { describeMachine, residentMiB, watchSteal } from '../harness/machine.ts';
import { buildResult, type Findings } from '../harness/result.ts';
import { runBenchmarks, type Benchmarks } from '../harness/run-benchmarks.ts';
import type { SuiteOptions, SuiteRun } from '../harness/suite-options.ts';
import { setStage } from '../stage/set-stage.ts';
import type { Stage } from '../stage/stage.ts';
import { benchFunctionDeploy } from './function-deploy.ts';
import { benchFunctionRead } from './function-read.ts';
import { benchGatewayInvocation } from './gateway-invocation.ts';
import { benchTenantProvisioning } from './tenant-provisioning.ts';

/** In this order: what leaves most behind comes last, and memory is looked at after all of them. */
const BENCHMARKS: Benchmarks<Stage> = {
  invoke: benchGatewayInvocation,
  read: benchFunctionRead,
  deploy: benchFunctionDeploy,
  tenants: benchTenantProvisioning,
  memory: benchMemory,
};

export const MAIN_JOB = Object.keys(BENCHMARKS);

/** The main job, measured: tenant, function, read, invocation. */
export async function runMainJob(options: SuiteOptions): Promise<SuiteRun> {
  const stage = await setStage(options);
  return { findings: await runBenchmarks(BENCHMARKS, stage, options), machine: describeMachine(await stage.cluster.version()) };
}

/** What the all-in-one process holds once everything else has run through it. */
function benchMemory({ platform }: Stage): Promise<Findings> {
  const steal = watchSteal();
  const figure = residentMiB(platform.pid);
  return Promise.resolve({ steal: steal(), results: [buildResult({ name: 'resident memory, all roles in one process', figure, unit: 'MiB', bound: { op: '<=', value: 350 } })], notes: [] });
}
