import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterApi } from './api.ts';
import { type Binaries, ensureBinaries } from './builds.ts';
import { makeCgroups } from './cgroups.ts';
import { configureContainerd, ctr } from './containerd.ts';
import { apiserver, controllerManager, etcd, scheduler } from './control-plane.ts';
import { type DaemonName, Daemons } from './daemons.ts';
import { applyDns, dnsAnswers, writeResolvConf } from './dns.ts';
import { type Layout, layoutOf } from './layout.ts';
import { configureCni, ensureServiceRoute, findNodeIp, hasAddress, setNodeTable, setSysctls } from './network.ts';
import { allowNetworkPolicy, kubelet, kubeProxy, networkPolicy } from './node.ts';
import { claimMachine, takeClusterLock } from './ownership.ts';
import { completePath, ensurePackages } from './packages.ts';
import { ensurePki, writeKubeconfig } from './pki.ts';
import { choosePorts } from './ports.ts';
import { Progress } from './progress.ts';
import { noteOutside } from './outside.ts';
import { registry, registryAnswers } from './registry.ts';
import { clearAway, clearStale } from './remains.ts';
import { scratchImage } from './scratch-image.ts';
import { COREDNS_IMAGE, NODE_NAME, NODE_POD_CIDR, PAUSE_IMAGE, POD_CIDR, SERVICE_CIDR } from './settings.ts';
import { type ClusterState, type Ports, readState, writeState } from './state.ts';
import { waitFor } from './wait.ts';

export interface ClusterOptions {
  /** The data folder; by default `cluster` in `FNPLANE_DATA`. */
  readonly data?: string;
  readonly quiet?: boolean;
  /** Ends the start: what it had started is stopped again. */
  readonly signal?: AbortSignal;
}

export interface ClusterFacts {
  /** Path of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  /** Path of the gateway's, which may do no more than a gateway must. */
  readonly gatewayKubeconfig: string;
  /** Host and port of the registry: plain http, loopback. */
  readonly registry: string;
  readonly podCidr: string;
  /** The part of the pod range that the one node uses. */
  readonly nodePodCidr: string;
  readonly serviceCidr: string;
  readonly nodeIp: string;
  /** Milliseconds by step; empty when everything ran already. */
  readonly timings: Record<string, number>;
}

const ADDRESSED: readonly DaemonName[] = ['kube-apiserver', 'kubelet', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'network-policy'];

interface Start {
  readonly layout: Layout;
  readonly state: ClusterState;
  readonly daemons: Daemons;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
  readonly ports: Ports;
  readonly nodeIp: string;
  readonly binaries: Binaries;
}

export function factsOf(layout: Layout, state: ClusterState, timings: Record<string, number>): ClusterFacts {
  if (!state.ports || !state.nodeIp) throw new Error(`There is no cluster in ${layout.data}`);
  const registryAddress = `127.0.0.1:${state.ports.registry}`;
  return { kubeconfig: layout.kubeconfig, gatewayKubeconfig: join(layout.config, 'gateway.kubeconfig'), registry: registryAddress, podCidr: POD_CIDR, nodePodCidr: NODE_POD_CIDR, serviceCidr: SERVICE_CIDR, nodeIp: state.nodeIp, timings };
}

/**
 * Starts the local cluster, or what of it does not run. Returns once its node is ready and its DNS answers.
 * @throws with the end of the log of whatever failed
 */
export async function clusterUp(options: ClusterOptions = {}): Promise<ClusterFacts> {
  completePath();
  const layout = layoutOf(options.data);
  const progress = new Progress(options.quiet);
  if (process.getuid?.() !== 0) throw new Error('The local cluster needs root: it makes network namespaces, mounts and routes. Or give KUBECONFIG a cluster of your own.');
  const release = await takeClusterLock(progress);
  try {
    const state = readState(layout.stateFile);
    if (await isHealthy(layout, state)) return factsOf(layout, state, {});
    return await start(layout, state, progress, options.signal);
  } finally {
    release();
  }
}

/** Whether everything of the cluster runs and answers. */
export async function isHealthy(layout: Layout, state: ClusterState): Promise<boolean> {
  const daemons = new Daemons(layout, state);
  if (!state.ports || !state.nodeIp || !hasAddress(state.nodeIp) || daemons.missing().length > 0) return false;
  const api = new ClusterApi(layout.kubeconfig);
  try {
    const [ready, , dns, images] = await Promise.all([nodeIsReady(api, 0), api.text('GET', '/readyz'), dnsAnswers(), registryAnswers(state.ports.registry)]);
    return ready && dns && images;
  } catch {
    return false;
  } finally {
    api.close();
  }
}

async function start(layout: Layout, state: ClusterState, progress: Progress, signal: AbortSignal | undefined): Promise<ClusterFacts> {
  await ensurePackages(progress);
  const binaries = await ensureBinaries(layout.cache, progress, signal);
  await claimMachine(layout, progress);
  const begun = performance.now();
  // Whoever deleted the data folder of a running cluster left all the rest of it behind.
  if (!state.ports && existsSync(layout.run)) await clearAway(layout, state);
  mkdirSync(layout.data, { recursive: true, mode: 0o711 });
  await clearStale(layout, state);
  const daemons = new Daemons(layout, state);
  const nodeIp = await findNodeIp(state.nodeIp);
  // The address is in certificates, flags and the node's own record: whoever was started with another one starts anew.
  if (state.nodeIp !== undefined && state.nodeIp !== nodeIp) await Promise.all(ADDRESSED.map((name) => daemons.end(name)));
  state.nodeIp = nodeIp;
  state.ports ??= await choosePorts();
  noteOutside(state);
  writeState(layout.stateFile, state);
  const context: Start = { layout, state, daemons, progress, signal, ports: state.ports, nodeIp, binaries };
  try {
    await bringUp(context);
  } catch (error) {
    // Whoever interrupts a start wants his machine back; data stay for the next one.
    if (signal?.aborted) for (const name of daemons.started.reverse()) await daemons.end(name);
    throw error;
  }
  progress.say(`  cluster ready after ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return factsOf(layout, state, { ...progress.timings(), total: Math.round(performance.now() - begun) });
}

async function bringUp(context: Start): Promise<void> {
  const { layout, state, progress } = context;
  await progress.step('certificates and settings', async () => {
    setSysctls(layout, state);
    makeCgroups(layout);
    writeResolvConf(layout);
    configureCni(layout, context.binaries.policyPlugin);
    await Promise.all([ensurePki(layout, context.nodeIp), setNodeTable(), ensureServiceRoute(context.nodeIp)]);
    const server = `https://127.0.0.1:${context.ports.apiserver}`;
    for (const user of ['controller-manager', 'scheduler', 'kubelet', 'proxy', 'network-policy', 'gateway']) writeKubeconfig(layout, user, join(layout.config, `${user}.kubeconfig`), server);
    writeKubeconfig(layout, 'admin', layout.kubeconfig, server);
  });
  const results = await Promise.allSettled([startControlPlane(context), startRuntime(context)]);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  await startNode(context);
}

async function startControlPlane({ layout, daemons, ports, nodeIp, binaries, progress, signal }: Start): Promise<void> {
  daemons.ensure('etcd', etcd(layout, binaries.kubernetes, ports));
  daemons.ensure('kube-apiserver', apiserver(layout, binaries.kubernetes, ports, nodeIp));
  daemons.ensure('registry', registry(layout, ports.registry));
  await progress.step('API server answers /readyz', async () => {
    const api = new ClusterApi(layout.kubeconfig);
    try {
      await waitFor('the API server', () => api.text('GET', '/readyz'), {
        deadlineMs: 120_000, intervalMs: 100, signal, hopeless: () => daemons.ended('etcd', 'kube-apiserver', 'registry'),
      });
    } finally {
      api.close();
    }
  });
}

async function startRuntime({ layout, daemons, ports, binaries, progress, signal }: Start): Promise<void> {
  daemons.ensure('containerd', configureContainerd(layout, ports.registry));
  await progress.step('containerd with its images', async () => {
    const images = join(layout.cache, 'images');
    const archives = await Promise.all([scratchImage(images, PAUSE_IMAGE, binaries.pause), scratchImage(images, COREDNS_IMAGE, binaries.coredns)]);
    // Its own client would try for ten seconds by itself; its socket is there when it is about to answer.
    await waitFor('containerd', () => statSync(layout.containerdSocket).isSocket(), { deadlineMs: 60_000, signal, hopeless: () => daemons.ended('containerd') });
    const present = await waitFor('containerd to answer', () => ctr(layout, ['images', 'ls', '-q'], 5_000).then((names) => ({ names })), {
      deadlineMs: 60_000, intervalMs: 100, signal, hopeless: () => daemons.ended('containerd'),
    });
    for (const [index, name] of [PAUSE_IMAGE, COREDNS_IMAGE].entries()) {
      const archive = archives[index];
      if (archive && !present.names.split('\n').includes(name)) await ctr(layout, ['images', 'import', '--digests=false', archive]);
    }
  });
}

async function startNode({ layout, daemons, ports, nodeIp, binaries, progress, signal }: Start): Promise<void> {
  const parts = ['kubelet', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'network-policy', 'kube-apiserver', 'etcd', 'containerd'] as const;
  const options = { deadlineMs: 120_000, intervalMs: 100, signal, hopeless: () => daemons.ended(...parts) };
  const api = new ClusterApi(layout.kubeconfig);
  const begun = daemons.alive('kubelet') ? 0 : Date.now();
  try {
    daemons.ensure('kubelet', kubelet(layout, binaries.kubernetes, ports, nodeIp));
    daemons.ensure('kube-controller-manager', controllerManager(layout, binaries.kubernetes));
    daemons.ensure('kube-scheduler', scheduler(layout, binaries.kubernetes));
    await allowNetworkPolicy(api);
    daemons.ensure('network-policy', networkPolicy(layout, binaries.networkPolicy));
    daemons.ensure('kube-proxy', kubeProxy(layout, binaries.kubernetes, ports));
    await applyDns(api);
    await progress.step('node is Ready', () => waitFor('the node to be ready', () => nodeIsReady(api, begun), options));
    await progress.step('DNS answers', () => waitFor("the cluster's DNS to answer", dnsAnswers, options));
  } finally {
    api.close();
  }
}

interface Node {
  readonly status?: { readonly conditions?: { readonly type: string; readonly status: string; readonly lastHeartbeatTime?: string }[] };
}

/** Whether the node is ready, and has said so since a time: what an earlier life of it said stays written for 40 s. */
async function nodeIsReady(api: ClusterApi, since: number): Promise<boolean> {
  const node = await api.get<Node>(`/api/v1/nodes/${NODE_NAME}`);
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  // Heartbeats are written in whole seconds.
  return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime ?? '') >= Math.floor(since / 1000) * 1000;
}
