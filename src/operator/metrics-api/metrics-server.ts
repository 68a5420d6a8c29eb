import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { partLogger } from '../../platform/observability/logger.js';
import type { PodLoad } from '../scaling/load-view.js';
import { LABEL } from '../../contract/names.js';
import type { MetricAccess } from './access-reviews.js';
import type { ServingCertificate } from './certificates.js';
import { buildExternalValues, externalAccessOf, parseExternalRequest, type ExternalRequest } from './external-metric.policy.js';
import { isAllowedName, readIdentity, type FrontProxyTrust, type Identity } from './front-proxy.policy.js';
import { onlyValue, parseSelector, type LabelSelector } from './label-selector.policy.js';
import { accessOf, buildMetricValues, buildStatus, DISCOVERY, isPodMetric, parseMetricRequest, type MetricRequest } from './metric-documents.policy.js';

export interface MetricsServerOptions {
  listen: { host: string; port: number };
  /** Of one namespace, those that match. */
  pods: (namespace: string, selector: LabelSelector) => readonly Pod[];
  loadOf: (pod: Pod) => PodLoad | undefined;
  /** What waits in Kafka for a function of the namespace, as far as more pods would help; undefined while it is not known. */
  lagOf: (namespace: string, functionId: string) => { value: number; at: number } | undefined;
  mayRead: (identity: Identity, metric: MetricAccess) => Promise<boolean>;
}

const UNKNOWN = 'the platform serves metrics of pods (http_requests_per_second, fnplane_concurrency) and fnplane_kafka_lag as an external one';

interface Answer {
  status: number;
  body: object;
}

/**
 * `custom.metrics.k8s.io` and `external.metrics.k8s.io` behind the API server: HTTPS whose only callers are API servers with a certificate of the front proxy's
 * authority; whom they ask for is read from their headers and may see what the cluster's own authorization allows.
 */
export class MetricsServer {
  private readonly log: Logger = partLogger('metrics-api');
  private server: Server | undefined;
  private trust: FrontProxyTrust | undefined;

  constructor(private readonly options: MetricsServerOptions) {}

  /** Begins to listen; from then on only takes over what changed. @throws when it cannot listen. */
  async serve(trust: FrontProxyTrust, { key, certificate }: ServingCertificate): Promise<void> {
    this.trust = trust;
    const secrets = { key, cert: certificate, ca: trust.authorities, minVersion: 'TLSv1.2' as const };
    if (this.server) return this.server.setSecureContext(secrets);
    // Who has no good certificate is told so in HTTP: an aborted handshake is hard to find the cause of.
    const server = createServer({ ...secrets, requestCert: true, rejectUnauthorized: false, requestTimeout: 10_000, maxHeaderSize: 64 * 1024 }, (request, response) => this.handle(request, response));
    server.on('tlsClientError', (error) => this.log.debug({ err: error }, 'a TLS handshake failed'));
    const { host, port } = this.options.listen;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, () => {
        server.off('error', reject).on('error', (error) => this.log.error({ err: error }, 'the metrics server failed'));
        resolve();
      });
    });
    this.server = server;
  }

  /** Port it listens on; 0 while it does not. */
  get port(): number {
    return (this.server?.address() as AddressInfo | null | undefined)?.port ?? 0;
  }

  async stop(): Promise<void> {
    const server = this.server;
    if (!server) return;
    this.server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  private handle(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    this.answer(request).catch((error: unknown): Answer => {
      this.log.warn({ err: error, url: request.url }, 'a metric could not be answered');
      return refusal(503, 'the platform cannot answer now; try again');
    }).then(({ status, body }) => {
      if (!response.destroyed) response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
    }, () => response.destroy());
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const identity = this.identify(request);
    if (!identity) return refusal(401, 'only the API server\'s front proxy is answered');
    if (request.method !== 'GET') return refusal(405, 'metrics can only be read');
    const url = request.url ?? '';
    const document = DISCOVERY.get(url.split('?', 1)[0]!);
    if (document) return { status: 200, body: document };
    const external = parseExternalRequest(url);
    if (external) return this.answerExternal(identity, external);
    const wanted = parseMetricRequest(url);
    return wanted ? this.answerPods(identity, wanted) : refusal(404, UNKNOWN);
  }

  private async answerPods(identity: Identity, wanted: MetricRequest): Promise<Answer> {
    if (!isPodMetric(wanted.metric)) return refusal(404, UNKNOWN);
    const selector = parseSelector(wanted.labelSelector);
    if (!selector) return refusal(400, 'labelSelector cannot be read');
    if (!(await this.options.mayRead(identity, accessOf(wanted)))) return refusal(403, `${identity.user} may not read pods/${wanted.metric} in ${wanted.namespace}`);
    const pods = this.options.pods(wanted.namespace, selector).filter(({ metadata: { name } }) => wanted.pod === '*' || wanted.pod === name);
    if (wanted.pod !== '*' && pods.length === 0) return refusal(404, `no pod ${wanted.pod} of a function in ${wanted.namespace}`);
    return { status: 200, body: buildMetricValues(wanted.version, wanted.metric, pods.map((pod) => ({ pod, load: this.options.loadOf(pod) }))) };
  }

  private async answerExternal(identity: Identity, wanted: ExternalRequest): Promise<Answer> {
    const selector = parseSelector(wanted.labelSelector);
    if (!selector) return refusal(400, 'labelSelector cannot be read');
    const access = externalAccessOf(wanted);
    if (!(await this.options.mayRead(identity, access))) return refusal(403, `${identity.user} may not read ${access.resource} in ${wanted.namespace}`);
    const functionId = onlyValue(selector, LABEL.functionId);
    return { status: 200, body: buildExternalValues(functionId, functionId === undefined ? undefined : this.options.lagOf(wanted.namespace, functionId)) };
  }

  /** Null for whoever is not the front proxy. */
  private identify(request: IncomingMessage): Identity | null {
    const socket = request.socket as TLSSocket;
    if (!this.trust || !socket.authorized) return null;
    const name = socket.getPeerCertificate().subject?.CN as string | string[] | undefined;
    if (!isAllowedName(this.trust, Array.isArray(name) ? undefined : name)) return null;
    return readIdentity(this.trust, request.headersDistinct);
  }
}

function refusal(status: number, message: string): Answer {
  return { status, body: buildStatus(status, message) };
}
