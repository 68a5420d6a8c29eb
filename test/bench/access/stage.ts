import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import type { BenchKeys } from '../harness/bench-keys.ts';
import type { Ground } from '../harness/ground.ts';
import type { Platform } from '../harness/platform-process.ts';

/** What every benchmark of the suite works with: the api role on a database of the run's own, and nothing that works off its jobs. */
export interface AccessStage {
  ground: Ground;
  keys: BenchKeys;
  api: Platform;
  tenant: { id: string; name: string; apiKey: string };
  /** Name of a function of the tenant. */
  functionName: string;
  /** For logs. */
  folder: string;
  rounds: number;
  progress: Progress;
  signal: AbortSignal;
}
