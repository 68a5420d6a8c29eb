import { describeMachine } from '../harness/machine.ts';
import { runBenchmarks, type Benchmarks } from '../harness/run-benchmarks.ts';
import type { Findings } from '../harness/result.ts';
import type { SuiteOptions, SuiteRun } from '../harness/suite-options.ts';
import { setStage } from '../stage/set-stage.ts';
import type { Stage } from '../stage/stage.ts';
import { benchColdStarts } from './cold-starts.ts';
import { benchGatewayProxying } from './gateway-proxying.ts';
import { benchHeldRequests } from './held-requests.ts';
import { benchScale } from './scale.ts';
import { benchWarmStarts } from './warm-starts.ts';

const ON_STAGE: Benchmarks<Stage> = {
  gateway: benchGatewayProxying,
  held: benchHeldRequests,
  cold: benchColdStarts,
  warm: benchWarmStarts,
};

/** Has clusters of its own. */
const SCALE = 'scale';

export const LIFECYCLE = [...Object.keys(ON_STAGE), SCALE];

/** How functions start, wake and are reached, and how many there can be. */
export async function runLifecycle(options: SuiteOptions): Promise<SuiteRun> {
  const onStage = options.only.filter((name) => name !== SCALE);
  const findings: Findings[] = [];
  let kubernetes = '';
  if (onStage.length > 0) {
    const stage = await setStage(options);
    findings.push(...(await runBenchmarks(ON_STAGE, stage, { ...options, only: onStage })));
    kubernetes = await stage.cluster.version();
  }
  if (options.only.includes(SCALE)) {
    options.progress.say(SCALE);
    const scale = await benchScale(options);
    findings.push(scale.findings);
    kubernetes = scale.kubernetes;
  }
  return { findings, machine: describeMachine(kubernetes) };
}
