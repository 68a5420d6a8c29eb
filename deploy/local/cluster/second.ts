import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ClusterApi } from './api.ts';
import { auditFlags, readWrites, type Write } from './audit.ts';
import { ensureBinary, KUBERNETES, KWOK } from './builds.ts';
import { apiserver, controllerManager, etcd, scheduler } from './control-plane.ts';
import { type DaemonCommand, Daemons } from './daemons.ts';
import { compactEtcd } from './etcd-api.ts';
import { checkout, type Layout, layoutOf } from './layout.ts';
import { findNodeIp } from './network.ts';
import { ensurePki, writeKubeconfig } from './pki.ts';
import { isFree, listenerPort } from './ports.ts';
import { signal } from './process-table.ts';
import { Progress } from './progress.ts';
import { POD_CIDR } from './settings.ts';
import { type ClusterState, type Ports, readState } from './state.ts';
import { waitFor } from './wait.ts';

const READY_MS = 120_000;
const KILLED_MS = 5_000;
const NODE = 'simulated';

export interface SecondClusterOptions {
  /** Folder of its own; it is deleted at the end. */
  readonly data: string;
  /** Simulated nodes; 1 by default. */
  readonly nodes?: number;
  /** Keep a log of all writes; see {@link SecondCluster.writes}. */
  readonly audit?: boolean;
  readonly quiet?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * A second control plane on the same machine, of the same executable: etcd, API server, controllers and scheduler on ports of the kernel's choice, with nodes that are simulated:
 * their pods are ready at once and serve nothing. It touches nothing of the machine's (no routes, no sysctls, no containers), so any number may run beside the local cluster.
 */
export class SecondCluster {
  readonly #layout: Layout;
  readonly #state: ClusterState;
  readonly #daemons: Daemons;
  #ports: Ports | undefined;
  #apiserver: DaemonCommand | undefined;

  private constructor(layout: Layout, state: ClusterState) {
    this.#layout = layout;
    this.#state = state;
    this.#daemons = new Daemons(layout, state);
  }

  /** Builds what the cache lacks, starts all and waits for the node. */
  static async start({ data, nodes = 1, audit = false, quiet = true, signal: abort }: SecondClusterOptions): Promise<SecondCluster> {
    const layout = layoutOf(data);
    const progress = new Progress(quiet);
    const [kubernetes, kwok] = [await ensureBinary(layout.cache, KUBERNETES, progress, abort), await ensureBinary(layout.cache, KWOK, progress, abort)];
    mkdirSync(layout.config, { recursive: true, mode: 0o700 });
    const cluster = new SecondCluster(layout, readState(layout.stateFile));
    try {
      await cluster.#bringUp({ kubernetes, kwok, nodes, audit }, abort);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** An administrator's kubeconfig, with everything inside it. */
  get kubeconfig(): string {
    return readFileSync(this.#layout.kubeconfig, 'utf8');
  }

  /** Path of the same. */
  get kubeconfigFile(): string {
    return this.#layout.kubeconfig;
  }

  /** Path of one with the rights of a gateway alone, as the local cluster has it. */
  get gatewayKubeconfigFile(): string {
    return join(this.#layout.config, 'gateway.kubeconfig');
  }

  /** Its API server takes connections and answers nothing, as one does whose machine hangs. */
  freeze(): void {
    this.#send('SIGSTOP');
  }

  thaw(): void {
    this.#send('SIGCONT');
  }

  /** Its API server is gone from one moment to the next; everything else goes on. See {@link startApiServer}. */
  async killApiServer(): Promise<void> {
    this.#send('SIGKILL');
    // Its last thread lets go of the port a moment after the process is gone.
    await waitFor('the end of the API server', async () => !this.#daemons.alive('kube-apiserver') && isFree(this.#ports!.apiserver), { deadlineMs: KILLED_MS, intervalMs: 10 });
  }

  /** Resolves when it is ready. */
  async startApiServer(abort?: AbortSignal): Promise<void> {
    if (!this.#apiserver) throw new Error('the cluster was not started');
    this.#daemons.ensure('kube-apiserver', this.#apiserver);
    const api = new ClusterApi(this.#layout.kubeconfig);
    try {
      await waitFor('the second API server', () => api.text('GET', '/readyz'), { deadlineMs: READY_MS, signal: abort, hopeless: () => this.#daemons.ended('etcd', 'kube-apiserver') });
    } finally {
      api.close();
    }
  }

  /** See {@link compactEtcd}. */
  async compact(): Promise<void> {
    if (!this.#ports) throw new Error('the cluster was not started');
    await compactEtcd(this.#layout, this.#ports.etcd);
  }

  /** Everything that was changed through its API server so far, where it keeps a log. */
  writes(): Write[] {
    return readWrites(this.#layout);
  }

  /** Ends all processes and deletes the folder. */
  async stop(): Promise<void> {
    this.thaw();
    for (const name of this.#daemons.running()) await this.#daemons.end(name, 2_000);
    rmSync(this.#layout.data, { recursive: true, force: true });
  }

  #send(name: NodeJS.Signals): void {
    const record = this.#state.processes['kube-apiserver'];
    if (record) signal(record, name);
  }

  async #bringUp({ kubernetes, kwok, nodes, audit }: Parts, abort: AbortSignal | undefined): Promise<void> {
    const [layout, daemons] = [this.#layout, this.#daemons];
    const [nodeIp, ports] = [await findNodeIp(), await freePorts()];
    await ensurePki(layout, nodeIp);
    const server = `https://127.0.0.1:${ports.apiserver}`;
    for (const user of ['controller-manager', 'scheduler', 'gateway']) writeKubeconfig(layout, user, join(layout.config, `${user}.kubeconfig`), server);
    writeKubeconfig(layout, 'admin', layout.kubeconfig, server);
    const { command, args } = apiserver(layout, kubernetes, ports, nodeIp);
    this.#ports = ports;
    this.#apiserver = { command, args: [...args, ...(audit ? auditFlags(layout) : [])] };
    daemons.ensure('etcd', etcd(layout, kubernetes, ports));
    await this.startApiServer(abort);
    daemons.ensure('kube-controller-manager', controllerManager(layout, kubernetes));
    daemons.ensure('kube-scheduler', scheduler(layout, kubernetes));
    daemons.ensure('kwok', { command: kwok, args: [`--kubeconfig=${layout.kubeconfig}`, '--manage-all-nodes=true', `--cidr=${POD_CIDR}`, '--node-ip=127.0.0.1', '--node-lease-duration-seconds=40', `--config=${join(checkout, 'deploy/local/kwok/stages.yaml')}`] });
    await this.#addNodes(nodes, abort);
  }

  async #addNodes(count: number, abort: AbortSignal | undefined): Promise<void> {
    const api = new ClusterApi(this.#layout.kubeconfig);
    const names = Array.from({ length: count }, (_, index) => (index === 0 ? NODE : `${NODE}-${index + 1}`));
    try {
      for (const name of names) await api.apply(`/api/v1/nodes/${name}`, simulatedNode(name));
      for (const name of names) {
        await waitFor(`the node ${name}`, async () => isReady(await api.get<Node>(`/api/v1/nodes/${name}`)), {
          deadlineMs: READY_MS, intervalMs: 200, signal: abort, hopeless: () => this.#daemons.ended('kwok', 'kube-apiserver'),
        });
      }
    } finally {
      api.close();
    }
  }
}

/** What it is made of: two executables, so many nodes. */
interface Parts {
  readonly kubernetes: string;
  readonly kwok: string;
  readonly nodes: number;
  readonly audit: boolean;
}

interface Node {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function simulatedNode(name: string): object {
  const size = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '5000' };
  return {
    apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' } },
    status: { allocatable: size, capacity: size },
  };
}

/** Only some are used; the flags of the local cluster's daemons name them all. */
async function freePorts(): Promise<Ports> {
  const chosen = new Set<number>();
  while (chosen.size < 3) chosen.add(await listenerPort());
  const [etcdPort, etcdPeer, apiserverPort] = [...chosen];
  return { etcd: etcdPort!, etcdPeer: etcdPeer!, apiserver: apiserverPort!, kubelet: 0, proxyHealth: 0, proxyMetrics: 0, registry: 0 };
}
