import type { Logger } from 'pino';
import { FIELD_MANAGER, LABEL, MANAGED_BY } from '../../contract/names.js';
import { backoffMs } from '../../platform/kubernetes/backoff.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict } from '../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { noteCertificate } from '../../platform/observability/certificate-expiry.js';
import { partLogger } from '../../platform/observability/logger.js';
import { AccessReviews } from './access-reviews.js';
import { makeServingCertificate, type ServingCertificate } from './certificates.js';
import { readTrust, type FrontProxyTrust } from './front-proxy.policy.js';
import { API_SERVICES, buildMetricsReaderRbac, buildRegistration, EXTERNAL_SERVICE, METRICS_HOST } from './manifests/registration.js';
import { MetricsServer, type MetricsServerOptions } from './metrics-server.js';

export interface MetricsApiOptions extends Omit<MetricsServerOptions, 'mayRead'> {
  client: KubernetesClient;
  /** At which the API server reaches this process; not loopback. */
  address: string;
  /** Write the autoscaler's right to read the metrics, too. An installation by static manifests says false. */
  install: boolean;
}

const LIFETIME_MS = 30 * 24 * 3_600_000;
/** Renewed when half of it is over. */
const RENEW_BEFORE_MS = LIFETIME_MS / 2;
/** Trust, certificate and registration are looked after so often. */
const LOOK_AFTER_MS = 60_000;
/** Of each call on the way out. */
const LAST_CALL_MS = 3_000;
const AGAIN = { baseMs: 500, maxMs: 30_000 };

interface ApiService extends KubernetesObject {
  spec?: { caBundle?: string };
}

/**
 * Serves metrics to Kubernetes' autoscalers while this process leads: listens, registers itself with the API server, and
 * takes the registration back when it stops. Its authority is made at start and trusted by nobody else.
 */
export class MetricsApi {
  private readonly log: Logger = partLogger('metrics-api');
  private readonly server: MetricsServer;
  private certificate: ServingCertificate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private running = false;
  private failures = 0;
  private problem: string | undefined = 'it has not been registered yet';

  constructor(private readonly options: MetricsApiOptions) {
    const reviews = new AccessReviews(options.client);
    this.server = new MetricsServer({ ...options, mayRead: (identity, metric) => reviews.mayRead(identity, metric) });
  }

  /** Idempotent. Returns at once; what fails is tried again. */
  start(): void {
    if (this.running) return;
    this.running = true;
    this.schedule(0);
  }

  /**
   * @param handedOver another process leads and has written, or will write, its own registration. Otherwise it is taken back: an API that
   * is registered and does not answer keeps Kubernetes from deleting namespaces.
   */
  async stop(handedOver: boolean): Promise<void> {
    if (!this.running) return;
    this.running = false;
    clearTimeout(this.timer);
    await this.looking;
    this.noteCertificate(undefined);
    if (!handedOver) await this.deregister();
    await this.server.stop();
  }

  /** Undefined while autoscalers are served. */
  get notServing(): string | undefined {
    return this.problem;
  }

  /** Port it listens on; 0 while it does not. */
  get port(): number {
    return this.server.port;
  }

  private schedule(delayMs: number): void {
    if (!this.running) return;
    this.timer = setTimeout(() => {
      this.looking = this.lookAfter().then((nextMs) => this.schedule(nextMs));
    }, delayMs);
  }

  private async lookAfter(): Promise<number> {
    try {
      const trust = await this.fetchTrust();
      const certificate = await this.currentCertificate();
      this.noteCertificate(certificate);
      await this.server.serve(trust, certificate);
      if (this.running) await this.register(certificate);
      if (this.problem) this.log.info({ address: this.options.address, port: this.server.port }, 'metrics for autoscalers are served');
      [this.failures, this.problem] = [0, undefined];
      return LOOK_AFTER_MS;
    } catch (error) {
      this.failures += 1;
      this.problem = error instanceof Error ? error.message : String(error);
      this.log[this.failures === 3 ? 'warn' : 'debug']({ err: error, failures: this.failures }, 'metrics for autoscalers are not looked after; it is tried again');
      return backoffMs(this.failures, AGAIN);
    }
  }

  private async fetchTrust(): Promise<FrontProxyTrust> {
    const found = await this.options.client.get<KubernetesObject & { data?: Record<string, string> }>(RESOURCE.configMap, { namespace: 'kube-system', name: 'extension-apiserver-authentication' });
    const trust = readTrust(found.data);
    if (!trust) throw new Error('the API server has no front proxy: start it with --requestheader-client-ca-file and --proxy-client-cert-file to scale functions by requests');
    return trust;
  }

  private async currentCertificate(): Promise<ServingCertificate> {
    if (!this.certificate || this.certificate.notAfter - Date.now() < RENEW_BEFORE_MS) {
      this.certificate = await makeServingCertificate({ dnsNames: [METRICS_HOST], addresses: [this.options.address], lifetimeMs: LIFETIME_MS });
    }
    return this.certificate;
  }

  private noteCertificate(served: ServingCertificate | undefined): void {
    noteCertificate(this, { use: 'metrics-api', cluster: this.options.client.cluster }, served?.certificate);
  }

  private async register({ authority }: ServingCertificate): Promise<void> {
    const { client, address, install } = this.options;
    const fieldManager = FIELD_MANAGER.operator;
    for (const { type, manifest } of buildRegistration({ address, port: this.server.port, authority })) {
      if (manifest.metadata.name !== EXTERNAL_SERVICE || (await this.mayServeExternal())) await client.apply(type, manifest, { fieldManager });
    }
    if (!install) return;
    for (const { type, manifest } of buildMetricsReaderRbac()) {
      await client.apply(type, manifest, { fieldManager }).catch((error: unknown) => {
        this.log.warn({ err: error, kind: type.kind }, 'the autoscaler\'s right to read metrics could not be written; apply the operator\'s manifests');
      });
    }
  }

  /** One server alone can serve external metrics of a cluster, and another one may have come first: what follows it is not to be broken. */
  private async mayServeExternal(): Promise<boolean> {
    const found = await this.options.client.find(RESOURCE.apiService, { name: EXTERNAL_SERVICE });
    const free = !found || found.metadata.labels?.[LABEL.managedBy] === MANAGED_BY;
    if (!free) this.log.warn({ name: EXTERNAL_SERVICE }, 'external metrics are served by somebody else on this cluster: kafka-lag moves functions between none and one pod only');
    return free;
  }

  /** Only what carries this process's authority: another leader's registration stays. */
  private async deregister(): Promise<void> {
    const { client } = this.options;
    const bundle = Buffer.from(this.certificate?.authority ?? '').toString('base64');
    await Promise.all(API_SERVICES.map(async (name) => {
      try {
        const found = await client.find<ApiService>(RESOURCE.apiService, { name }, { timeoutMs: LAST_CALL_MS });
        if (!found || found.spec?.caBundle !== bundle) return;
        await client.delete(RESOURCE.apiService, { name }, { uid: found.metadata.uid, resourceVersion: found.metadata.resourceVersion, timeoutMs: LAST_CALL_MS });
      } catch (error) {
        if (!isConflict(error)) this.log.warn({ err: error, name }, 'the registration of metrics could not be taken back; the next leader will replace it');
      }
    }));
  }
}
