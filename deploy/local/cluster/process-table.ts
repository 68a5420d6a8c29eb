import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import type { ProcessRecord } from './state.ts';
import { waitFor } from './wait.ts';

/** Changes with each boot: process ids and start times say nothing across it. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The process's start time, or undefined if there is none or it is a zombie. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces: fields are counted behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export function recordOf(pid: number): ProcessRecord | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

export function isAlive(record: ProcessRecord | undefined): record is ProcessRecord {
  return record !== undefined && record.bootId === bootId() && startTimeOf(record.pid) === record.startTime;
}

/** Signals exactly the recorded process, never a later one under the same id. */
export function signal(record: ProcessRecord, name: NodeJS.Signals): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Asks with SIGTERM, insists with SIGKILL after `graceMs`. */
export async function endProcess(record: ProcessRecord | undefined, graceMs: number): Promise<void> {
  if (!isAlive(record)) return;
  signal(record, 'SIGTERM');
  const gone = () => !isAlive(record);
  try {
    await waitFor(`process ${record.pid} to end`, gone, { deadlineMs: graceMs, intervalMs: 20 });
  } catch {
    signal(record, 'SIGKILL');
    await waitFor(`killed process ${record.pid} to end`, gone, { deadlineMs: 5_000, intervalMs: 20 });
  }
}

/** Processes whose command line has one of `words` as a whole argument or as the beginning of one. */
export function processesWith(words: readonly string[]): (ProcessRecord & { args: string[] })[] {
  const found: (ProcessRecord & { args: string[] })[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (!args.some((arg) => words.some((word) => arg === word || arg.startsWith(`${word}/`)))) continue;
      const record = recordOf(Number(name));
      if (record) found.push({ ...record, args });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

export function childrenOf(pid: number): ProcessRecord[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'));
    return threads.flatMap((list) => list.trim().split(/\s+/)).filter(Boolean).map((child) => recordOf(Number(child))).filter((record) => record !== undefined);
  } catch {
    return [];
  }
}

/** Whether the process runs this executable, deleted since or not. */
export function runs(pid: number, executable: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '').endsWith(executable);
  } catch {
    return false;
  }
}
