import { ClusterConnector, type ConnectionHooks } from '../domains/clusters/cluster/cluster-connector.js';
import { MeterService } from '../domains/metering/meter.service.js';
import { remoteReport } from '../domains/metering/cluster/gateway-readings.js';
import type { Config } from '../platform/config/config.js';
import type { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import type { ControlPlane } from './control-plane.js';
import { gatewaysOf } from './gateway-addresses.js';
import type { GatewayRole } from './gateway.role.js';

/**
 * Reads the counters of pods and gateways and books them: those of the process's own cluster, and of every registered one. Pods of a registered cluster are read
 * through its API server alone: an address of another cluster's pod network may be somebody else's here.
 */
export class MeterRole {
  private readonly meter: MeterService;
  private readonly connector: ClusterConnector;
  /** Registered clusters that are read, by id. */
  private readonly names = new Map<string, string>();
  private readonly hooks: ConnectionHooks = {
    connected: ({ id, name }, client) => {
      if (name === this.config.FNPLANE_CLUSTER_NAME) return;
      this.names.set(id, name);
      this.meter.addCluster(name, client, 'proxy');
    },
    closed: async (id) => {
      const name = this.names.get(id);
      this.names.delete(id);
      if (name !== undefined) await this.meter.removeCluster(name);
    },
  };

  constructor(
    private readonly config: Config,
    plane: ControlPlane,
    private readonly cluster: KubernetesClient,
    private readonly gateway: GatewayRole | undefined,
  ) {
    this.meter = plane.app.get(MeterService, { strict: false });
    this.connector = plane.app.get(ClusterConnector, { strict: false });
  }

  start(): void {
    const { FNPLANE_CLUSTER_NAME: own, FNPLANE_POD_NETWORK: network, FNPLANE_GATEWAY_MANAGEMENT_URLS: addresses } = this.config;
    this.meter.addCluster(own, this.cluster, network, { own: true });
    const gateway = this.gateway;
    if (gateway) this.meter.addGateway(own, () => Promise.resolve(gateway.usageReport()));
    for (const { cluster, url } of gatewaysOf(addresses, own)) this.meter.addGateway(cluster, remoteReport(url));
    this.meter.start(this.config.FNPLANE_METER_INTERVAL_MS);
    this.connector.start(this.hooks);
  }

  notReady(): string | null {
    return this.meter.notReady();
  }

  /** Books what was counted until now. */
  async stop(): Promise<void> {
    await this.meter.stop();
    await this.connector.stop(this.hooks);
  }
}
