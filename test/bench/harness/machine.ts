import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';

export interface Machine {
  cores: number;
  /** Bytes. */
  memory: number;
  node: string;
  /** Version of the cluster's API server, e.g. `v1.34.4`. */
  kubernetes: string;
}

export function describeMachine(kubernetes: string): Machine {
  return { cores: availableParallelism(), memory: totalmem(), node: process.version, kubernetes };
}

/** Share of CPU time that neighbours took between the call and the answer's call. */
export function watchSteal(): () => number {
  const read = (): number[] => (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const before = read();
  return () => {
    const delta = read().map((value, column) => value - before[column]!);
    const total = delta.reduce((sum, value) => sum + value, 0);
    return total === 0 ? 0 : delta[7]! / total;
  };
}

const TICKS_PER_SECOND = 100;

/** CPU time of a process with all its threads until now, in ms; in steps of 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
}

/** Resident memory of a process now, in MiB. */
export function residentMiB(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kilobytes) / 1024;
}
