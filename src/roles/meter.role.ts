import { MeterService } from '../domains/metering/meter.service.js';
import { remoteReport } from '../domains/metering/cluster/gateway-readings.js';
import type { Config } from '../platform/config/config.js';
import type { KubernetesClient } from '../platform/kubernetes/kubernetes-client.js';
import type { ControlPlane } from './control-plane.js';
import type { GatewayRole } from './gateway.role.js';

/** Reads the counters of pods and gateways and books them. */
export class MeterRole {
  private readonly meter: MeterService;

  constructor(
    private readonly config: Config,
    plane: ControlPlane,
    private readonly cluster: KubernetesClient,
    private readonly gateway: GatewayRole | undefined,
  ) {
    this.meter = plane.app.get(MeterService, { strict: false });
  }

  start(): void {
    const { FNPLANE_CLUSTER_NAME: name, FNPLANE_POD_NETWORK: network } = this.config;
    this.meter.addCluster(name, this.cluster, network);
    const gateway = this.gateway;
    if (gateway) this.meter.addGateway(name, () => Promise.resolve(gateway.usageReport()));
    for (const url of this.config.FNPLANE_GATEWAY_MANAGEMENT_URLS) this.meter.addGateway(name, remoteReport(url));
    this.meter.start(this.config.FNPLANE_METER_INTERVAL_MS);
  }

  notReady(): string | null {
    return this.meter.notReady();
  }

  /** Books what was counted until now. */
  stop(): Promise<void> {
    return this.meter.stop();
  }
}
