import { existsSync, readFileSync, rmSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { Daemons } from './daemons.ts';
import { type Layout, layoutOf } from './layout.ts';
import { takeLock } from './lock.ts';
import type { Progress } from './progress.ts';
import { clearAway } from './remains.ts';
import { readState, writeWhole } from './state.ts';

/** Names the data folder of the one cluster that the machine carries. */
const OWNER = '/run/fnplane/cluster';

/** Starting, stopping and repairing happen one at a time on a machine. */
export async function takeClusterLock(progress: Progress): Promise<() => void> {
  return takeLock('local-cluster', 1_800_000, (holder) => progress.say(`  ${holder} is starting or stopping the local cluster; waiting for it`));
}

function owner(): string | undefined {
  return existsSync(OWNER) ? readFileSync(OWNER, 'utf8').trim() : undefined;
}

/**
 * Makes the machine this cluster's. The remains of another one that runs no more are taken away.
 * @throws when another one runs
 */
export async function claimMachine(layout: Layout, progress: Progress): Promise<void> {
  const other = owner();
  if (other !== undefined && other !== layout.data) {
    const theirs = layoutOf(other);
    const state = readState(theirs.stateFile);
    if (new Daemons(theirs, state).running().length > 0) {
      throw new Error(`A local cluster with another data folder runs on this machine. This ends it:\n\n  npm run cluster -- down --data ${other}\n`);
    }
    progress.say(`  taking away the remains of a cluster in ${other}`);
    await clearAway(theirs, state);
  }
  writeWhole(OWNER, `${layout.data}\n`);
}

export function releaseMachine(layout: Layout): void {
  if (owner() !== layout.data) return;
  rmSync(OWNER, { force: true });
  try {
    rmdirSync(dirname(OWNER));
  } catch {
    // Something else lies there.
  }
}
