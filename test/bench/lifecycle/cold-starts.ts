import { watchSteal } from '../harness/machine.ts';
import { buildResult, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { Stage } from '../stage/stage.ts';
import { BareWorkload } from './bare-workload.ts';
import { ZeroFunction } from './zero-function.ts';

/** A start takes seconds and comes in steps of the kubelet's own second: fewer rounds would tell little. */
const LEAST_ROUNDS = 7;

/** From a request at zero pods to its answer without a warm pod, over the same Deployment scaled from 0 to 1 until available. */
export async function benchColdStarts(stage: Stage): Promise<Findings> {
  await stage.sharedFunction.release();
  const fn = new ZeroFunction(stage, 'cold', 'python');
  await fn.deploy();
  stage.cleanup.add('the function of cold starts', () => fn.remove());
  const bare = await BareWorkload.make(stage, 'cold');
  const times = { cold: [] as number[], second: [] as number[], bare: [] as number[] };
  const steal = watchSteal();
  for (let round = -1; round < Math.max(stage.rounds, LEAST_ROUNDS); round++) {
    stage.signal.throwIfAborted();
    await fn.stopped();
    const { first, second } = await fn.start();
    await fn.stopped();
    const took = await bare.start();
    if (round < 0) continue; // The first one warms up.
    times.cold.push(first);
    times.second.push(second);
    times.bare.push(took);
    stage.progress.say(`  round ${round + 1}: ${(first / 1000).toFixed(2)} s, the bare pod ${(took / 1000).toFixed(2)} s`);
  }
  return {
    steal: steal(),
    results: [buildResult({ name: 'plain cold start, request to answer', figure: medianRatio(times.cold, times.bare), unit: 'ratio', relativeTo: 'the same Deployment from 0 to 1 until available, time', bound: { op: '<=', value: 1.15 } })],
    notes: [`${spread(times.cold, 'ms')}, the request after it ${spread(times.second, 'ms')}; the bare pod ${spread(times.bare, 'ms')}`],
  };
}
