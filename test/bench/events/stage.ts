import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import type { BenchKeys } from '../harness/bench-keys.ts';
import type { Ground } from '../harness/ground.ts';
import type { Platform } from '../harness/platform-process.ts';

/** What every benchmark of the suite works with: the api role on a database of the run's own, and nothing yet that works off its jobs. */
export interface EventsStage {
  ground: Ground;
  keys: BenchKeys;
  api: Platform;
  /** For logs. */
  folder: string;
  rounds: number;
  progress: Progress;
  signal: AbortSignal;
}

export const FUNCTION = { name: 'measured', runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } };
