import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync, rmSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';
import { CNI_NETWORK } from './settings.ts';
import type { ClusterState } from './state.ts';

/** Where containerd, its shims, the network plugins and kubelet write though they are given folders of ours. */
const OUTSIDE = ['/var/lib/kubelet', '/var/lib/cni', '/var/log/containers', '/var/log/pods', '/usr/libexec/kubernetes', '/run/containerd', '/run/fnplane'];

/** Remembers which of those folders the machine did not have before. */
export function noteOutside(state: ClusterState): void {
  for (const folder of OUTSIDE) if (!existsSync(folder) && !state.createdFolders.includes(folder)) state.createdFolders.push(folder);
}

/** Takes our files out of them; folders that were not there before go once they are empty. */
export function clearOutside(layout: Layout, state: ClusterState): void {
  for (const folder of ['/var/lib/cni/results', '/var/lib/cni/cache/results']) {
    for (const name of list(folder)) if (name.startsWith(`${CNI_NETWORK}-`)) rmSync(join(folder, name), { force: true });
  }
  for (const folder of ['/var/log/containers', '/var/log/pods']) {
    for (const path of list(folder).map((name) => join(folder, name))) {
      if (lstatSync(path).isSymbolicLink() && readlinkSync(path).startsWith(`${layout.data}/`)) rmSync(path);
    }
  }
  removeShimSockets(state);
  if (state.createdFolders.includes('/var/lib/kubelet')) rmSync('/var/lib/kubelet/device-plugins', { recursive: true, force: true });
  for (const folder of state.createdFolders) pruneEmpty(folder);
}

/** Killed shims leave their sockets, named by hashes. Those that nobody listens on any more go, where we brought the folder. */
function removeShimSockets(state: ClusterState): void {
  const folder = '/run/containerd/s';
  if (!state.createdFolders.includes('/run/containerd') || !existsSync(folder)) return;
  const open = readFileSync('/proc/net/unix', 'utf8');
  for (const name of readdirSync(folder)) if (!open.includes(name)) rmSync(join(folder, name), { force: true });
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function pruneEmpty(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) pruneEmpty(join(folder, entry.name));
  try {
    rmdirSync(folder);
  } catch {
    // Others have put something into it since.
  }
}
