import type { RevisionSpec } from '../../contract/function-resource.js';
import type { Endpoint } from '../routing/endpoint-slice.policy.js';
import { endpointId } from '../routing/endpoint-slice.policy.js';
import type { FunctionRoute, UpstreamFactory } from '../routing/function-route.js';
import { probeHealth } from './health-probe.js';
import { PodUpstream } from './pod-upstream.js';
import { ServiceProxyUpstream, type ServiceProxyTarget } from './service-proxy-upstream.js';
import type { Upstream } from './upstream.js';

export type PodNetworkSetting = 'direct' | 'proxy' | 'auto';

/** Port of a function's Service. */
const SERVICE_PORT = 80;
const PROBE_TIMEOUT_MS = 1000;
/** One unreachable pod may just have died; so many in a row are a network that cannot be reached. */
const PROBES_BEFORE_PROXY = 2;
/** A network policy that was not in force yet, or a route that came late, must not lead through the API server for ever. */
const PROBE_AGAIN_MS = 30_000;

export interface PodNetworkOptions {
  setting: PodNetworkSetting;
  podConnections: number;
  connectTimeoutMs: number;
  /** The way through the API server; without it only `direct` is possible. */
  serviceProxy?: (service: { namespace: string; name: string; port: number }) => Promise<ServiceProxyTarget>;
  /** Called when `auto` has found the way, or a better one. */
  onDecided: () => void;
  /** How long after `auto` chose the API server it looks again; default 30,000. */
  probeAgainMs?: number;
}

/**
 * Whether a pod answers at its own address. Not the connection alone is asked for: where outgoing traffic passes through a
 * transparent proxy, any address accepts connections. A pod is ready because its `/healthz` answers 200-399.
 */
async function isReachable(endpoint: Endpoint): Promise<boolean> {
  const status = await probeHealth(endpoint, PROBE_TIMEOUT_MS) ?? 0;
  return status >= 200 && status < 400;
}

/** How pods are reached: at their own addresses, or through the API server where the pod network is out of reach. */
export class PodNetwork implements UpstreamFactory {
  private decided: 'direct' | 'proxy' | undefined;
  private probing = false;
  private failedProbes = 0;
  private candidate: Endpoint | undefined;
  private retry: NodeJS.Timeout | undefined;

  constructor(private readonly options: PodNetworkOptions) {
    const canProxy = options.serviceProxy !== undefined;
    if (options.setting === 'proxy' && !canProxy) throw new RangeError('the service proxy needs a connection to the API server');
    this.decided = options.setting === 'auto' ? (canProxy ? undefined : 'direct') : options.setting;
  }

  get mode(): 'direct' | 'proxy' | undefined {
    return this.decided;
  }

  /** Offers a ready pod to find the way with, while the direct one has not been found. */
  probe(endpoint: Endpoint): void {
    this.candidate = endpoint;
    if (this.decided !== undefined || this.probing) return;
    this.probing = true;
    void isReachable(endpoint).then((reachable) => {
      this.probing = false;
      if (!reachable && ++this.failedProbes < PROBES_BEFORE_PROXY) return this.probe(this.candidate ?? endpoint);
      this.decide(reachable ? 'direct' : 'proxy');
    });
  }

  close(): void {
    clearInterval(this.retry);
  }

  private decide(mode: 'direct' | 'proxy'): void {
    this.decided = mode;
    if (mode === 'direct') clearInterval(this.retry);
    else this.retry = setInterval(() => this.lookAgain(), this.options.probeAgainMs ?? PROBE_AGAIN_MS).unref();
    this.options.onDecided();
  }

  private lookAgain(): void {
    if (this.candidate === undefined || this.probing) return;
    this.probing = true;
    void isReachable(this.candidate).then((reachable) => {
      this.probing = false;
      if (reachable) this.decide('direct');
    });
  }

  forPod(route: FunctionRoute, endpoint: Endpoint, revision: RevisionSpec): Upstream {
    return new PodUpstream({
      id: endpointId(endpoint),
      servedBy: servedBy(route, revision),
      revision,
      address: endpoint.address,
      port: endpoint.port,
      connections: this.podCapacity(revision),
      connectTimeoutMs: this.options.connectTimeoutMs,
    });
  }

  forService(route: FunctionRoute, name: string, pods: number, revision: RevisionSpec): Upstream {
    const { serviceProxy } = this.options;
    const service = { namespace: route.namespace, name, port: SERVICE_PORT };
    return new ServiceProxyUpstream({
      id: `service:${route.functionId}:${name}:${revision.number}`,
      servedBy: servedBy(route, revision),
      revision,
      capacity: pods * this.podCapacity(revision),
      target: () => serviceProxy!(service),
    });
  }

  private podCapacity(revision: RevisionSpec): number {
    return revision.concurrency > 0 ? revision.concurrency : this.options.podConnections;
  }
}

function servedBy(route: FunctionRoute, revision: RevisionSpec): string {
  return `${route.functionName}@${revision.number}`;
}
