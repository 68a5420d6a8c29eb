import { existsSync } from 'node:fs';
import { layoutOf } from './layout.ts';
import { releaseMachine, takeClusterLock } from './ownership.ts';
import { completePath } from './packages.ts';
import { Progress } from './progress.ts';
import { clearAway } from './remains.ts';
import { readState } from './state.ts';
import type { ClusterOptions } from './up.ts';

/** Ends the local cluster and takes away all that it made, its data too. What is built and kept in the cache folder stays. */
export async function clusterDown(options: ClusterOptions = {}): Promise<void> {
  completePath();
  const layout = layoutOf(options.data);
  const progress = new Progress(options.quiet);
  const release = await takeClusterLock(progress);
  try {
    if (!existsSync(layout.data) && !existsSync(layout.run)) return;
    await progress.step('cluster taken away', () => clearAway(layout, readState(layout.stateFile)));
    releaseMachine(layout);
  } finally {
    release();
  }
}
