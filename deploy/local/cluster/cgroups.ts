import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Layout } from './layout.ts';

const ROOT = '/sys/fs/cgroup';

/** All pods of a cluster run below its group, so that they can be told from those of another kubelet. */
export function cgroupOf(layout: Layout): string {
  return `fnplane-${basename(layout.run)}`;
}

/** The one tree of cgroup v2, or each controller's tree of v1. */
function hierarchies(): string[] {
  if (existsSync(join(ROOT, 'cgroup.controllers'))) return [ROOT];
  return readdirSync(ROOT).map((name) => join(ROOT, name)).filter((path) => lstatSync(path).isDirectory() && existsSync(join(path, 'cgroup.procs')));
}

function groups(layout: Layout): string[] {
  return hierarchies().map((path) => join(path, cgroupOf(layout))).filter((path) => existsSync(path));
}

/** kubelet wants the group it is given to exist in every hierarchy. */
export function makeCgroups(layout: Layout): void {
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, cgroupOf(layout)), { recursive: true });
}

function readGroup(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** A group and all below it, the deepest last. Groups vanish while they are listed, as their containers end. */
function groupAndBelow(group: string): string[] {
  let entries;
  try {
    entries = readdirSync(group, { withFileTypes: true });
  } catch {
    return [];
  }
  return [group, ...entries.filter((entry) => entry.isDirectory()).flatMap((entry) => groupAndBelow(join(group, entry.name)))];
}

function members(layout: Layout): Set<number> {
  return new Set(groups(layout).flatMap(groupAndBelow).flatMap((group) => readGroup(join(group, 'cgroup.procs'))));
}

/** Kills whatever still runs in a pod: orphans of killed shims too. */
export async function killCgroups(layout: Layout): Promise<void> {
  for (let round = 0; round < 40; round++) {
    const pids = members(layout);
    if (pids.size === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await pause(25);
  }
}

export function removeCgroups(layout: Layout): void {
  for (const folder of groups(layout).flatMap(groupAndBelow).reverse()) {
    try {
      rmdirSync(folder);
    } catch {
      // Something lives in it still; the next `down` finds it again.
    }
  }
}
