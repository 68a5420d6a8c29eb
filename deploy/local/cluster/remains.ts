import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { killCgroups, removeCgroups } from './cgroups.ts';
import { attempt } from './command.ts';
import { type DaemonName, Daemons } from './daemons.ts';
import type { Layout } from './layout.ts';
import { removeStandIn, removePodLinks, restoreSysctls } from './network.ts';
import { clearOutside } from './outside.ts';
import { childrenOf, endProcess, processesWith, runs, signal } from './process-table.ts';
import { NODE_TABLE, POLICY_TABLE } from './settings.ts';
import type { ClusterState, ProcessRecord } from './state.ts';

/** Data go with the cluster: nobody needs long goodbyes. */
const GRACE_MS = 1_000;

/** Those who would start pods anew or repair the network while it is taken down. */
const ACTORS: readonly DaemonName[] = ['kubelet', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'network-policy'];
const GROUND: readonly DaemonName[] = ['kube-apiserver', 'etcd', 'registry', 'containerd'];

/** Before a start: ends our daemons whose record was lost with a killed run. Pods and shims stay: containerd adopts them. */
export async function clearStale(layout: Layout, state: ClusterState): Promise<void> {
  const known = new Set(Object.values(state.processes).map(({ pid, startTime }) => `${pid} ${startTime}`));
  const strays = strayDaemons(layout).filter(({ pid, startTime }) => !known.has(`${pid} ${startTime}`));
  await Promise.all(strays.map((record) => endProcess(record, GRACE_MS)));
}

/** Our daemons, known by executable and by the file that they were given to read. */
function strayDaemons(layout: Layout): ProcessRecord[] {
  const config = (name: string) => join(layout.config, name);
  const marks = [
    config('containerd.toml'), config('registry.json'), `--config=${config('kubelet.json')}`, `--config=${config('kube-proxy.json')}`,
    `--kubeconfig=${config('controller-manager.kubeconfig')}`, `--kubeconfig=${config('scheduler.kubeconfig')}`,
    `--kubeconfig=${config('network-policy.kubeconfig')}`, `--data-dir=${layout.data}/etcd`, `--client-ca-file=${layout.pki}/cluster-ca.crt`,
  ];
  const executables = ['/containerd', '/docker-registry', '/kubelocal', '/network-policy'];
  return processesWith(marks).filter(({ pid }) => executables.some((executable) => runs(pid, executable)));
}

/** Takes away all that the cluster made on the machine, its data too, and nothing else. Repeatable. */
export async function clearAway(layout: Layout, state: ClusterState): Promise<void> {
  const daemons = new Daemons(layout, state);
  await Promise.all(ACTORS.map((name) => daemons.end(name, GRACE_MS)));
  await endContainers(layout);
  await Promise.all(GROUND.map((name) => daemons.end(name, GRACE_MS)));
  await clearStale(layout, { ...state, processes: {} });
  await unmountBelow(layout.data);
  await unmountBelow(layout.run);
  await removePodLinks();
  for (const table of [['ip', NODE_TABLE], ['inet', POLICY_TABLE], ['ip', 'kube-proxy'], ['ip6', 'kube-proxy']]) await attempt('nft', ['delete', 'table', ...table]);
  await removeStandIn();
  restoreSysctls(state);
  removeCgroups(layout);
  clearOutside(layout, state);
  rmSync(layout.run, { recursive: true, force: true });
  rmSync(layout.data, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Kills the pods' processes and their shims: with kubelet gone nothing starts them anew. */
async function endContainers(layout: Layout): Promise<void> {
  await killCgroups(layout);
  const shims = processesWith([layout.containerdSocket]).filter(({ pid, args }) => runs(pid, '/containerd-shim-runc-v2') && args.includes('-address'));
  // A container's first process is its shim's child; its end is the end of all in its namespace.
  for (const child of shims.flatMap(({ pid }) => childrenOf(pid))) signal(child, 'SIGKILL');
  for (const shim of shims) signal(shim, 'SIGKILL');
  await Promise.all(shims.map((shim) => endProcess(shim, GRACE_MS)));
}

async function unmountBelow(folder: string): Promise<void> {
  const points = readFileSync('/proc/self/mounts', 'utf8').split('\n').map((line) => plainPath(line.split(' ')[1] ?? '')).filter((point) => point.startsWith(`${folder}/`));
  points.sort((a, b) => b.length - a.length);
  // Several at once: each call waits for the kernel, and a full node has hundreds.
  for (let first = 0; first < points.length; first += 50) await attempt('umount', ['--lazy', '--no-mtab', ...points.slice(first, first + 50)]);
}

/** /proc/mounts writes blanks as octal numbers. */
function plainPath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
