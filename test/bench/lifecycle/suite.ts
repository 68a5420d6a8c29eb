import { describeMachine } from '../harness/machine.ts';
import { runBenchmarks, type Benchmarks } from '../harness/run-benchmarks.ts';
import type { SuiteOptions, SuiteRun } from '../harness/suite-options.ts';
import { setStage } from '../stage/set-stage.ts';
import type { Stage } from '../stage/stage.ts';
import { benchColdStarts } from './cold-starts.ts';
import { benchGatewayProxying } from './gateway-proxying.ts';
import { benchHeldRequests } from './held-requests.ts';
import { benchWarmStarts } from './warm-starts.ts';

const BENCHMARKS: Benchmarks<Stage> = {
  gateway: benchGatewayProxying,
  held: benchHeldRequests,
  cold: benchColdStarts,
  warm: benchWarmStarts,
};

export const LIFECYCLE = Object.keys(BENCHMARKS);

/** How functions start, wake and are reached. */
export async function runLifecycle(options: SuiteOptions): Promise<SuiteRun> {
  const stage = await setStage(options);
  return { findings: await runBenchmarks(BENCHMARKS, stage, options), machine: describeMachine(await stage.cluster.version()) };
}
