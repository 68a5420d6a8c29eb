import type { GatewayLoadReport } from '../contract/load-report.js';
import type { GatewayUsageReport } from '../contract/usage-report.js';
import type { Waker } from '../contract/wake.js';
import type { IssuerTokenVerifier } from '../gateway/auth/issuer-tokens.js';
import type { GatewayTokenVerifier } from '../gateway/auth/token-verifier.js';
import { Gateway } from '../gateway/gateway.js';
import type { GatewayLimits } from '../gateway/gateway-limits.js';
import { ClusterRouteSource } from '../gateway/routing/cluster-route-source.js';
import { HttpWaker } from '../gateway/waking/http-waker.js';
import { AnnotationWakeMark } from '../gateway/waking/wake-mark.js';
import { InternalTokenVerifier } from '../platform/invocation/internal-token-verifier.js';
import type { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import { registry } from '../platform/observability/metrics.js';

export interface GatewayRoleOptions {
  listen: { host: string; port: number };
  /** Of the cluster whose functions are served. Stays the caller's to close. */
  client: KubernetesClient;
  tokenVerifier: GatewayTokenVerifier;
  issuerTokens: IssuerTokenVerifier;
  /** Shared with the api role; at least 32 characters. */
  internalSecret: string;
  podNetwork: 'direct' | 'proxy' | 'auto';
  /** Functions also answer at `<function>.<tenant>.<baseDomain>`. */
  baseDomain?: string;
  /** A proxy before the gateway sets `x-forwarded-*` truthfully. */
  trustForwarded?: boolean;
  limits?: Partial<GatewayLimits>;
  /** Management address of an operator in another process: the short way to warm pods. */
  operatorUrl?: string;
}

/** The data path of one cluster. Any number may run; none knows of another. Needs neither Postgres nor the API. */
export class GatewayRole {
  private readonly gateway: Gateway;
  private stopping = false;

  /**
   * @param waker of the operator in the same process; it goes before `operatorUrl`.
   * @throws {RangeError} for an internal secret that is too short.
   */
  constructor(options: GatewayRoleOptions, waker?: Waker) {
    const { client, internalSecret, operatorUrl, ...rest } = options;
    const remote = operatorUrl === undefined ? undefined : new HttpWaker({ url: operatorUrl, secret: internalSecret });
    const short = waker ?? remote;
    this.gateway = new Gateway({
      ...rest,
      ...(short ? { waker: short } : {}),
      wakeMark: new AnnotationWakeMark(client),
      registry,
      source: new ClusterRouteSource(client),
      internalTokens: new InternalTokenVerifier(internalSecret),
      serviceProxy: (service) => client.proxyRaw({ kind: 'services', ...service }),
    });
  }

  /** Resolves when it listens. @throws when it cannot. An API server that does not answer only delays {@link readiness}. */
  async start(): Promise<void> {
    await this.gateway.start();
  }

  /** Stops accepting, lets requests under way finish for up to `graceMs`, then cuts them off. */
  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    await this.gateway.stop(graceMs);
  }

  /** Ready once all functions that exist are known; later outages of the API server do not change that. */
  get readiness(): { ready: boolean; detail: string } {
    if (this.stopping) return { ready: false, detail: 'stopping' };
    if (!this.gateway.ready) return { ready: false, detail: 'listing the cluster\'s functions' };
    const mode = this.gateway.mode();
    return { ready: true, detail: mode === undefined ? 'no pod met yet' : mode === 'direct' ? 'pods are reached directly' : 'pods are reached through the API server' };
  }

  /** Where it listens, e.g. `http://127.0.0.1:3080`. */
  get address(): string {
    return this.gateway.address;
  }

  /** How pods are reached; undefined while `auto` has met no ready pod. */
  mode(): 'direct' | 'proxy' | undefined {
    return this.gateway.mode();
  }

  /** For `GET /internal/usage` on the management port. Readable after {@link stop}, too. */
  usageReport(): GatewayUsageReport {
    return this.gateway.usageReport();
  }

  /** For `GET /internal/load` on the management port, and for an operator in the same process. Readable after {@link stop}, too. */
  loadReport(): GatewayLoadReport {
    return this.gateway.loadReport();
  }
}
