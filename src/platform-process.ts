import { LOAD_PATH } from './contract/load-report.js';
import { WAKE_PATH, type Waker } from './contract/wake.js';
import { remoteLoad } from './operator/scaling/load/gateway-load.js';
import type { ScalingSettings } from './operator/scaling/scaling.js';
import { wakeEndpoint } from './operator/scaling/wake-endpoint.js';
import { IssuerTokens } from './platform/auth/issuer-tokens.js';
import { TokenVerifier } from './platform/auth/token-verifier.js';
import { required, type Config, type Role } from './platform/config/config.js';
import { RegistryClient } from './platform/images/registry-client.js';
import { parseRegistryCredentials } from './platform/images/registry-options.js';
import { InternalTokenVerifier } from './platform/invocation/internal-token-verifier.js';
import { brokerRules } from './platform/kafka/broker-rules.policy.js';
import { KubernetesClient } from './platform/kubernetes/kubernetes-client.js';
import { ManagementServer } from './platform/observability/management-server.js';
import { OutboundClient } from './platform/outbound/outbound-client.js';
import { outboundRules } from './platform/outbound/outbound-rules.policy.js';
import { ApiRole } from './roles/api.role.js';
import { buildControlPlane, closeControlPlane, type ControlPlane } from './roles/control-plane.js';
import { gatewaysOf } from './roles/gateway-addresses.js';
import { GatewayRole } from './roles/gateway.role.js';
import { MeterRole } from './roles/meter.role.js';
import { OperatorRole } from './roles/operator.role.js';
import { routeSettings } from './roles/route-settings.js';
import { WorkerRole } from './roles/worker.role.js';

const CLUSTER_ROLES: readonly Role[] = ['worker', 'operator', 'gateway', 'meter'];
const STORE_ROLES: readonly Role[] = ['api', 'worker', 'meter'];

/** One process with the roles its configuration chose; all of them by default. */
export class PlatformProcess {
  private readonly management: ManagementServer;
  private cluster: KubernetesClient | undefined;
  private gatewayCluster: KubernetesClient | undefined;
  private plane: ControlPlane | undefined;
  private api: ApiRole | undefined;
  private worker: WorkerRole | undefined;
  private operator: OperatorRole | undefined;
  private gateway: GatewayRole | undefined;
  private meter: MeterRole | undefined;
  private registry: RegistryClient | undefined;
  private managementPort = 0;
  private started = false;

  constructor(private readonly config: Config) {
    this.management = new ManagementServer(config.FNPLANE_MANAGEMENT_LISTEN);
    this.management.addHealth({ name: 'start', notReady: () => (this.started ? null : 'roles are being started') });
  }

  /** Resolves when every role has been started; `/readyz` tells when all of them are ready. Throws, with nothing left behind, when one cannot start. */
  async start(): Promise<void> {
    try {
      this.managementPort = await this.management.start();
      if (this.plays(CLUSTER_ROLES)) this.cluster = buildClusterClient(this.config, this.config.KUBECONFIG);
      if (this.plays(STORE_ROLES)) this.plane = await buildControlPlane(this.config);
      await this.startDataPath();
      await this.startControlPlane();
      this.started = true;
    } catch (error) {
      await this.stop().catch(() => undefined);
      throw error;
    }
  }

  /** In the order in which work flows: intake first, then what works on it, then what counts it, then what stores it. */
  async stop(): Promise<void> {
    this.management.drain();
    await this.api?.stop();
    await this.gateway?.stop(this.config.FNPLANE_SHUTDOWN_GRACE_MS);
    await Promise.all([this.worker?.stop(this.config.FNPLANE_SHUTDOWN_GRACE_MS), this.operator?.stop()]);
    await this.meter?.stop();
    if (this.plane) await closeControlPlane(this.plane);
    await Promise.all([this.cluster?.close(), this.gatewayCluster?.close(), this.registry?.close()]);
    await this.management.stop();
  }

  addresses(): Record<string, string | undefined> {
    return { api: this.api?.url, gateway: this.gateway?.address, management: `http://${this.config.FNPLANE_MANAGEMENT_LISTEN.host}:${this.managementPort}` };
  }

  /** The domains of this process, for tests that look behind the APIs. */
  get controlPlane(): ControlPlane | undefined {
    return this.plane;
  }

  private async startDataPath(): Promise<void> {
    const routes = routeSettings(this.config);
    // Before the gateway, which asks it for pods; the gateway in turn reports its load to it.
    if (this.plays(['operator'])) {
      this.operator = new OperatorRole({ client: this.cluster!, scaling: this.scalingSettings(), prePullNodes: this.config.FNPLANE_PREPULL_NODES, ...this.openRegistry(), ...(routes ? { routes } : {}) });
    }
    if (this.plays(['gateway'])) {
      const identity = this.config.FNPLANE_GATEWAY_KUBECONFIG;
      if (identity) this.gatewayCluster = buildClusterClient(this.config, identity);
      this.gateway = buildGatewayRole(this.config, this.gatewayCluster ?? this.cluster!, this.operator?.waker);
      await this.gateway.start();
      this.management.addHealth({ name: 'gateway', notReady: () => problem(this.gateway!) });
      this.management.addDocument('/internal/usage', () => this.gateway!.usageReport());
      this.management.addDocument(LOAD_PATH, () => this.gateway!.loadReport());
    }
    if (this.operator) {
      this.operator.start();
      const secret = this.config.FNPLANE_INTERNAL_SECRET;
      if (secret) this.management.addAction(WAKE_PATH, wakeEndpoint(this.operator.waker, new InternalTokenVerifier(secret)));
      this.management.addHealth({ name: 'operator', notReady: () => problem(this.operator!) });
    }
  }

  private async startControlPlane(): Promise<void> {
    const plane = this.plane;
    if (!plane) return;
    this.management.addHealth({ name: 'database', notReady: () => plane.database.ping().then(() => null, () => 'cannot be reached') });
    if (this.plays(['worker'])) {
      this.worker = new WorkerRole(this.config, plane, this.cluster!);
      await this.worker.start();
      this.management.addHealth({ name: 'worker', notReady: () => this.worker!.notReady() });
    }
    if (this.plays(['meter'])) {
      this.meter = new MeterRole(this.config, plane, this.cluster!, this.gateway);
      this.meter.start();
      this.management.addHealth({ name: 'meter', notReady: () => this.meter!.notReady() });
    }
    if (this.plays(['api'])) {
      this.api = new ApiRole(this.config, plane);
      await this.api.start();
    }
  }

  /** Functions' code for warm starts; without one they start cold. */
  private openRegistry(): { registry?: RegistryClient } {
    const { FNPLANE_REGISTRY_URL: url, FNPLANE_REGISTRY_CREDENTIALS: credentials } = this.config;
    if (url === undefined) return {};
    this.registry = new RegistryClient({ url, ...(credentials === undefined ? {} : { credentials: parseRegistryCredentials(credentials) }) });
    return { registry: this.registry };
  }

  private scalingSettings(): ScalingSettings {
    const { FNPLANE_POD_NETWORK: podNetwork, FNPLANE_METRICS_API_LISTEN: listen, FNPLANE_GATEWAY_MANAGEMENT_URLS: addresses, FNPLANE_CLUSTER_NAME: cluster } = this.config;
    const others = gatewaysOf(addresses, cluster).filter((gateway) => gateway.cluster === cluster);
    const own = this.plays(['gateway']) ? [() => Promise.resolve(this.gateway!.loadReport())] : [];
    return {
      podNetwork, gateways: [...own, ...others.map(({ url }) => remoteLoad(url))], brokers: brokerRules(this.config),
      ...(listen ? { metricsApi: { listen, address: required(this.config, 'FNPLANE_METRICS_API_ADDRESS') } } : {}),
    };
  }

  private plays(roles: readonly Role[]): boolean {
    return roles.some((role) => this.config.FNPLANE_ROLES.includes(role));
  }
}

/** Readiness as the management port wants it. */
function problem(role: { readiness: { ready: boolean; detail: string } }): string | null {
  const { ready, detail } = role.readiness;
  return ready ? null : detail;
}

/** @param waker of an operator in this process; without one, the operator at `FNPLANE_OPERATOR_URL` is asked. */
function buildGatewayRole(config: Config, client: KubernetesClient, waker: Waker | undefined): GatewayRole {
  return new GatewayRole({
    listen: config.FNPLANE_GATEWAY_LISTEN, client, podNetwork: config.FNPLANE_POD_NETWORK,
    tokenVerifier: new TokenVerifier(required(config, 'FNPLANE_ISSUERS')), issuerTokens: new IssuerTokens(new OutboundClient(outboundRules(config))), internalSecret: required(config, 'FNPLANE_INTERNAL_SECRET'),
    limits: { gateways: config.FNPLANE_GATEWAYS },
    ...(config.FNPLANE_OPERATOR_URL ? { operatorUrl: config.FNPLANE_OPERATOR_URL } : {}),
    ...(config.FNPLANE_GATEWAY_DOMAIN ? { baseDomain: config.FNPLANE_GATEWAY_DOMAIN } : {}),
  }, waker);
}

/** The cluster this process belongs to: by a kubeconfig, or the one it runs in. */
function buildClusterClient(config: Config, path: string | undefined): KubernetesClient {
  return new KubernetesClient({ cluster: config.FNPLANE_CLUSTER_NAME, source: path ? { kind: 'file', path } : { kind: 'in-cluster' } });
}
