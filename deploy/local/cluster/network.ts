import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { attempt, run } from './command.ts';
import type { Layout } from './layout.ts';
import { linkExecutables } from './scratch-image.ts';
import { CNI_NETWORK, KUBERNETES_SERVICE_IP, NODE_POD_CIDR, NODE_TABLE, POD_CIDR, SERVICE_CIDR } from './settings.ts';
import { type ClusterState, writeState, writeWhole } from './state.ts';

export const DEBIAN_PLUGINS = '/usr/lib/cni';

/** Made when the machine has no address but loopback: a node needs one. */
const STAND_IN = { name: 'fnplane0', address: '172.31.255.1' };

/** What we set, and what kubelet sets unasked: all is put back on `down`. */
const SYSCTLS: Record<string, string | undefined> = {
  'net/ipv4/ip_forward': '1',
  'fs/inotify/max_user_instances': '8192',
  'vm/overcommit_memory': undefined,
  'vm/panic_on_oom': undefined,
  'kernel/panic': undefined,
  'kernel/panic_on_oops': undefined,
  'kernel/keys/root_maxkeys': undefined,
  'kernel/keys/root_maxbytes': undefined,
  'net/netfilter/nf_conntrack_tcp_be_liberal': undefined,
  'net/ipv4/conf/all/route_localnet': undefined,
};

/**
 * The machine's own address, by which pods reach the node: the one that it was set up with if the machine still has that,
 * else the default route's, else the first that is not loopback.
 */
export async function findNodeIp(previous?: string): Promise<string> {
  if (previous && hasAddress(previous)) return previous;
  const route = await attempt('ip', ['-j', '-4', 'route', 'get', '192.0.2.1']);
  const source = route ? (JSON.parse(route) as { prefsrc?: string; dev?: string }[])[0] : undefined;
  if (source?.prefsrc && source.dev !== 'lo' && !source.prefsrc.startsWith('127.')) return source.prefsrc;
  for (const addresses of Object.values(networkInterfaces())) {
    const found = addresses?.find(({ family, internal }) => family === 'IPv4' && !internal);
    if (found) return found.address;
  }
  await run('ip', ['link', 'add', STAND_IN.name, 'type', 'bridge']);
  await run('ip', ['address', 'add', `${STAND_IN.address}/32`, 'dev', STAND_IN.name]);
  await run('ip', ['link', 'set', STAND_IN.name, 'up']);
  return STAND_IN.address;
}

/** Whether the machine still has the address that the cluster was set up with. */
export function hasAddress(ip: string): boolean {
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === ip));
}

/** Remembers the machine's settings, then sets what forwarding to pods needs. */
export function setSysctls(layout: Layout, state: ClusterState): void {
  for (const name of Object.keys(SYSCTLS)) {
    const file = join('/proc/sys', name);
    if (!(name in state.sysctls) && existsSync(file)) state.sysctls[name] = readFileSync(file, 'utf8').trim();
  }
  writeState(layout.stateFile, state);
  for (const [name, value] of Object.entries(SYSCTLS)) {
    const before = Number(state.sysctls[name] ?? 0);
    if (value !== undefined && before < Number(value)) writeFileSync(join('/proc/sys', name), value);
  }
}

export function restoreSysctls(state: ClusterState): void {
  for (const [name, value] of Object.entries(state.sysctls)) {
    const file = join('/proc/sys', name);
    if (readFileSync(file, 'utf8').trim() !== value) writeFileSync(file, value);
  }
}

/**
 * Each pod hangs on the node by its own wire (`ptp`) instead of a common bridge: whatever one pod sends another passes the
 * node's forwarding, where policies are enforced. The last plugin lets a pod start only once its rules are in place.
 */
export function configureCni(layout: Layout, policyPlugin: string | undefined): void {
  const plugins = readdirSync(DEBIAN_PLUGINS).map((name) => join(DEBIAN_PLUGINS, name));
  linkExecutables(join(layout.data, 'cni/bin'), policyPlugin ? [...plugins, policyPlugin] : plugins);
  mkdirSync(join(layout.data, 'cni/conf'), { recursive: true });
  const ptp = {
    type: 'ptp', ipMasq: false,
    ipam: { type: 'host-local', dataDir: join(layout.data, 'ipam'), ranges: [[{ subnet: NODE_POD_CIDR }]], routes: [{ dst: '0.0.0.0/0' }] },
  };
  const policy = { type: 'fnplane-policy', socket: layout.policySocket };
  writeWhole(join(layout.data, 'cni/conf/10-fnplane.conflist'), JSON.stringify({ cniVersion: '0.4.0', name: CNI_NETWORK, plugins: policyPlugin ? [ptp, policy] : [ptp] }));
}

/** Pods reach the world under the node's address. */
export async function setNodeTable(): Promise<void> {
  await run('nft', ['-f', '-'], {
    input: `table ip ${NODE_TABLE}
delete table ip ${NODE_TABLE}
table ip ${NODE_TABLE} {
  chain postrouting {
    type nat hook postrouting priority srcnat + 10; policy accept;
    ip saddr ${POD_CIDR} ip daddr != ${POD_CIDR} masquerade
  }
}
`,
  });
}

/** Wires of pods whose namespace some process still holds: recognised by their route into the pod range. */
export async function removePodLinks(): Promise<void> {
  const listed = await attempt('ip', ['-j', '-4', 'route', 'show', 'root', NODE_POD_CIDR]);
  const routes = listed?.trim() ? (JSON.parse(listed) as { dev?: string }[]) : [];
  for (const { dev } of routes) if (dev?.startsWith('veth')) await attempt('ip', ['link', 'delete', dev]);
}

/**
 * A machine without a default route has no way to the Services' addresses, and asks for one before they are translated.
 * Which way does not matter.
 */
export async function ensureServiceRoute(nodeIp: string): Promise<void> {
  if ((await attempt('ip', ['-4', 'route', 'get', KUBERNETES_SERVICE_IP])) !== undefined) return;
  await run('ip', ['route', 'replace', SERVICE_CIDR, 'dev', 'lo', 'src', nodeIp]);
}

/** Takes away the address and the route that a machine without a network was given. */
export async function removeStandIn(): Promise<void> {
  await attempt('ip', ['link', 'delete', STAND_IN.name]);
  await attempt('ip', ['route', 'delete', SERVICE_CIDR, 'dev', 'lo']);
}
