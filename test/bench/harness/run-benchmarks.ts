import type { Findings } from './result.ts';
import type { SuiteOptions } from './suite-options.ts';

/** What a suite can measure, by the name it is asked for with. */
export type Benchmarks<Stage> = Record<string, (stage: Stage) => Promise<Findings>>;

/** Those that were asked for, one after the other. */
export async function runBenchmarks<Stage>(benchmarks: Benchmarks<Stage>, stage: Stage, { only, progress }: Pick<SuiteOptions, 'only' | 'progress'>): Promise<Findings[]> {
  const findings: Findings[] = [];
  for (const name of only) {
    progress.say(name);
    const found = await benchmarks[name]!(stage);
    // Told at once as well: what comes later may fail.
    for (const { name: figure, figure: value, unit } of found.results) progress.say(`  ${figure}: ${Number(value.toPrecision(4))} ${unit}`);
    findings.push(found);
  }
  return findings;
}
