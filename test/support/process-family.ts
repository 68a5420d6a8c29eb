import { readdirSync, readFileSync } from 'node:fs';

/** Start time in clock ticks since boot: tells a process from a later one of the same number. */
export interface KnownProcess {
  pid: number;
  startTime: string;
}

function statOf(pid: number): { parent: number; startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), startTime: fields[19]! };
  } catch {
    return undefined;
  }
}

/** Children of a process, theirs, and so on. */
export function descendantsOf(pid: number): KnownProcess[] {
  const all = readdirSync('/proc').map(Number).filter(Number.isInteger).flatMap((each) => {
    const stat = statOf(each);
    return stat ? [{ pid: each, ...stat }] : [];
  });
  const below = (parent: number): KnownProcess[] => all.filter((each) => each.parent === parent).flatMap((each) => [{ pid: each.pid, startTime: each.startTime }, ...below(each.pid)]);
  return below(pid);
}

export function isAlive({ pid, startTime }: KnownProcess): boolean {
  return statOf(pid)?.startTime === startTime;
}
