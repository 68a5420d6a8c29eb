import { createServer, IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Registry } from 'prom-client';
import type { FunctionLoad, GatewayLoadReport } from '../contract/load-report.js';
import type { GatewayUsageReport } from '../contract/usage-report.js';
import type { Waker } from '../contract/wake.js';
import type { InternalTokenVerifier } from '../platform/invocation/internal-token-verifier.js';
import { partLogger } from '../platform/observability/logger.js';
import { AccessDirectory } from './auth/access-directory.js';
import { Authenticator } from './auth/authenticator.js';
import type { IssuerTokenVerifier } from './auth/issuer-tokens.js';
import type { GatewayTokenVerifier } from './auth/token-verifier.js';
import { TriggerTokens } from './auth/trigger-tokens.js';
import { GatewayMetrics } from './counters/gateway-metrics.js';
import { UsageCounters } from './counters/usage-counters.js';
import type { DataPath } from './exchange/data-path.js';
import { GatewayResponse } from './exchange/gateway-response.js';
import { newRequestId } from './exchange/identifiers.js';
import { Intake } from './exchange/intake.js';
import { asksForWebSocket } from './exchange/tunnel.js';
import { writeRefusal } from './exchange/write-refusal.js';
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from './gateway-limits.js';
import { DeadlineSweeper } from './limits/deadline-sweeper.js';
import { FairShare } from './limits/fair-share.js';
import { problemDocument, REFUSALS, type RefusalCode } from './refusals.policy.js';
import { RouteTable, type RouteSource } from './routing/route-table.js';
import { WakeDesk } from './waking/wake-desk.js';
import type { WakeMark } from './waking/wake-mark.js';
import { PodNetwork, type PodNetworkOptions, type PodNetworkSetting } from './upstream/pod-network.js';

export interface GatewayOptions {
  /** Port 0 takes any free one; see {@link Gateway.address}. */
  listen: { host: string; port: number };
  source: RouteSource;
  tokenVerifier: GatewayTokenVerifier;
  /** For addresses that let in tokens of their tenant's own issuer. */
  issuerTokens: IssuerTokenVerifier;
  internalTokens: InternalTokenVerifier;
  podNetwork: PodNetworkSetting;
  /** The way through the API server, for `proxy` and `auto`. */
  serviceProxy?: PodNetworkOptions['serviceProxy'];
  /** How long after `auto` chose the API server it looks for the direct way again; default 30,000. */
  probeAgainMs?: number;
  /** Functions also answer at `<function>.<tenant>.<baseDomain>`. */
  baseDomain?: string;
  /** A proxy before the gateway sets `x-forwarded-*`; otherwise callers' own values are replaced. */
  trustForwarded?: boolean;
  limits?: Partial<GatewayLimits>;
  /** The short way to a pod for functions that have none. */
  waker?: Waker;
  /** The sure way: says on the cluster that a function is wanted. Without either, requests wait no longer than `maxWaitMs`. */
  wakeMark?: WakeMark;
  /** Where the gateway's metrics are registered while it runs. */
  registry?: Registry;
}

const PARSER_REFUSAL: Record<string, RefusalCode> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Slow senders of headers are cut off after this time, of whole requests after the other. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 300_000;
const DRAIN_POLL_MS = 20;

/** The data path of one cluster: HTTP in, function pods behind. Needs neither Postgres nor the API to go on serving. */
export class Gateway {
  private readonly log = partLogger('gateway');
  private readonly limits: GatewayLimits;
  private readonly metrics: GatewayMetrics;
  private readonly usage = new UsageCounters();
  private readonly share: FairShare;
  private readonly network: PodNetwork;
  private readonly table: RouteTable;
  private readonly path: DataPath;
  private readonly intake: Intake;
  private readonly server: Server<typeof IncomingMessage, typeof GatewayResponse>;
  private unregister: (() => void) | undefined;

  constructor(private readonly options: GatewayOptions) {
    this.limits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits };
    this.metrics = new GatewayMetrics(this.limits.maxFunctionSeries);
    this.share = new FairShare(this.limits.maxInFlight);
    this.network = new PodNetwork({
      setting: options.podNetwork,
      podConnections: this.limits.podConnections,
      connectTimeoutMs: this.limits.connectTimeoutMs,
      serviceProxy: options.serviceProxy,
      probeAgainMs: options.probeAgainMs,
      onDecided: () => this.onNetworkDecided(),
    });
    const directory = new AccessDirectory(this.limits);
    this.table = new RouteTable(directory, this.network, this.metrics);
    this.path = {
      limits: this.limits,
      table: this.table,
      authenticator: new Authenticator(directory, options.tokenVerifier, options.internalTokens, this.limits.pendingVerifications),
      triggerTokens: new TriggerTokens(options.issuerTokens),
      share: this.share,
      desk: new WakeDesk({
        waker: options.waker, mark: options.wakeMark, isDirect: () => this.network.mode === 'direct', earlyPodMs: this.limits.earlyPodMs, log: this.log,
        onStarted: (route, start, ms) => {
          this.metrics.countColdStart(route.counters, start, ms);
          route.load.series.totals.coldStarts++;
        },
      }),
      sweeper: new DeadlineSweeper(),
      metrics: this.metrics,
      usage: this.usage,
      log: this.log,
      hostSuffix: options.baseDomain === undefined ? undefined : `.${options.baseDomain.toLowerCase()}`,
      trustForwarded: options.trustForwarded ?? false,
      bufferedBytes: 0,
      tunnels: new Set(),
      draining: false,
    };
    this.intake = new Intake(this.path);
    this.server = this.buildServer();
  }

  /**
   * Begins to listen and to follow the cluster. Resolves when it listens; {@link ready} says when it knows all functions.
   * @throws when the address cannot be listened on.
   */
  async start(): Promise<void> {
    if (this.options.registry) {
      this.unregister = this.metrics.register(this.options.registry, {
        inFlight: () => this.share.held, waiting: () => this.waiting(), functions: () => this.table.size,
      });
    }
    this.path.sweeper.start();
    void this.options.source.start(this.table).catch((error: unknown) => this.log.error({ err: error }, 'the cluster cannot be followed'));
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.listen.port, this.options.listen.host, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }

  /** Stops accepting, lets what is under way finish for up to `graceMs`, then cuts it off. Counters stay readable. */
  async stop(graceMs: number): Promise<void> {
    this.path.draining = true;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    const until = performance.now() + graceMs;
    while (this.share.held > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    this.server.closeAllConnections();
    for (const tunnel of this.path.tunnels) tunnel.destroy();
    await closed;
    this.path.sweeper.stop();
    this.path.desk.stop();
    this.network.close();
    await this.options.source.stop();
    for (const route of this.table.routes()) route.retire();
    this.unregister?.();
  }

  /** Whether everything that existed at the start is known. Stays true through later outages of the API server. */
  get ready(): boolean {
    return this.options.source.synced;
  }

  /** How pods are reached; undefined while `auto` has met no ready pod yet. */
  mode(): 'direct' | 'proxy' | undefined {
    return this.network.mode;
  }

  /** Where the gateway listens, e.g. `http://127.0.0.1:3080`. */
  get address(): string {
    const { address, port, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Totals since the process started: what is billed of functions whose image serves no metrics of its own, and requests that no pod counts. */
  usageReport(): GatewayUsageReport {
    const requests: GatewayUsageReport['requests'] = [];
    for (const { load: { series }, tenant: { tenantId }, functionId } of this.table.routes()) if (series.any) requests.push({ tenantId, functionId, ...series.totals });
    return { ...this.usage.report(), requests };
  }

  /** Load of the functions that were ever asked for. Readable after {@link stop}, too. */
  loadReport(): GatewayLoadReport {
    const functions: FunctionLoad[] = [];
    for (const route of this.table.routes()) {
      const load = route.load.report(route.functionId);
      if (load) functions.push(load);
    }
    return { instance: this.usage.instance, functions };
  }

  private waiting(): number {
    let sum = 0;
    for (const route of this.table.routes()) sum += route.load.waiting;
    return sum;
  }

  private onNetworkDecided(): void {
    this.log.info({ mode: this.network.mode }, this.network.mode === 'direct' ? 'pods are reached directly' : 'pods are reached through the API server');
    this.table.rebuildAll();
  }

  private buildServer(): Server<typeof IncomingMessage, typeof GatewayResponse> {
    const server = createServer({
      IncomingMessage,
      ServerResponse: GatewayResponse,
      insecureHTTPParser: false,
      requireHostHeader: true,
      maxHeaderSize: this.limits.maxHeaderBytes,
      keepAliveTimeout: this.limits.keepAliveMs,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: 5000,
      noDelay: true,
      shouldUpgradeCallback: asksForWebSocket,
    }, (request, response) => this.receive(request, response, false));
    // Zero: none is dropped in silence; their size is limited by the parser, their number is checked when they are read.
    server.maxHeadersCount = 0;
    server.maxConnections = this.limits.maxConnections;
    server.on('checkContinue', (request, response) => this.receive(request, response, true));
    server.on('upgrade', (request, socket, head) => this.receiveUpgrade(request, socket, head));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.refuseUnparsed(error, socket as Socket));
    return server;
  }

  /** Node has done with a connection that asks for another protocol: whatever the answer, it ends with it. */
  private receiveUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const response = new GatewayResponse(request);
    response.shouldKeepAlive = false;
    response.upgraded = { socket, head };
    socket.on('error', () => socket.destroy());
    response.assignSocket(socket as Socket);
    response.once('finish', () => (socket as Socket).destroySoon());
    this.receive(request, response, false);
  }

  private receive(request: IncomingMessage, response: GatewayResponse, expectsContinue: boolean): void {
    try {
      this.intake.handle(request, response, expectsContinue);
    } catch (error) {
      const requestId = newRequestId();
      this.log.error({ err: error, requestId }, 'a request could not be handled');
      this.metrics.countRefusal('GATEWAY_ERROR');
      writeRefusal(request, response, 'GATEWAY_ERROR', requestId);
    }
  }

  /** What the parser refuses never becomes a request: among it every message whose length could be read in two ways. */
  private refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
    // Node's own handler looks at the same field: an answer that has begun is flushed, and no second one is written after it.
    const answering = (socket as Socket & { _httpMessage?: GatewayResponse })._httpMessage;
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    if (answering?.headersSent) {
      socket.destroySoon();
      return;
    }
    const code = PARSER_REFUSAL[error.code ?? ''] ?? 'REQUEST_MALFORMED';
    this.metrics.countRefusal(code);
    const requestId = newRequestId();
    const body = problemDocument(code, requestId);
    socket.end(`HTTP/1.1 ${REFUSALS[code].status} ${REFUSALS[code].title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
      + `x-request-id: ${requestId}\r\nconnection: close\r\n\r\n${body}`);
  }
}
