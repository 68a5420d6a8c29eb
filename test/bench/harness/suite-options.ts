import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import type { Cleanup } from './ground.ts';
import type { Machine } from './machine.ts';
import type { Findings } from './result.ts';

export interface SuiteOptions {
  only: readonly string[];
  rounds: number;
  /** Folder for CPU profiles of the platform's processes. */
  profile: string | undefined;
  progress: Progress;
  cleanup: Cleanup;
  signal: AbortSignal;
}

export interface SuiteRun {
  machine: Machine;
  findings: Findings[];
}
