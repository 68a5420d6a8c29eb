import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import { noteCertificate } from '../observability/certificate-expiry.js';
import { abortable } from './abortable.js';
import { Deadline } from './deadline.js';
import { errorFromStatus, errorFromTransport, KubernetesError, timeoutError } from './kubernetes-errors.js';
import { requestSeconds, requestsTotal } from './kubernetes-metrics.js';
import { loadClusterAccess, type ClusterAccess, type Credentials, type KubeconfigSource } from './kubeconfig.js';

export interface TransportOptions {
  /** The cluster's name in metrics, logs and error messages. */
  cluster: string;
  source: KubeconfigSource;
  /** Deadline of one request including its body; watches and streams: until the headers. Default 10,000. */
  requestTimeoutMs?: number;
  userAgent?: string;
}

export interface TransportRequest {
  method: Dispatcher.HttpMethod;
  /** Begins with `/`; escaped already. */
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Metric labels. */
  verb: string;
  resource: string;
  /** Repeating it does no harm: it is sent once more when the connection breaks. */
  idempotent?: boolean;
}

export interface TransportStream {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
}

/** What somebody needs who dispatches requests of his own over the shared connections. */
export interface RawTarget {
  dispatcher: Dispatcher;
  origin: string;
  basePath: string;
  /** The platform's own credentials: to be set last, so that no caller's header takes their place. */
  headers: Record<string, string>;
}

interface Session {
  dispatcher: Dispatcher;
  fingerprint: string;
  headers: Record<string, string>;
  checkedAt: number;
}

/** How often credentials that files or programs give are looked at again. */
const CREDENTIAL_CHECK_MS = 30_000;
/** After so many timeouts in a row the connections are taken for dead and opened anew. */
const TIMEOUTS_BEFORE_RECONNECT = 3;
/** Longest error body that is read. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * One cluster's shared connections. All requests and watches go through ONE undici Agent (HTTP/2): client-node's own
 * calls open a TLS connection each. The Agent is replaced when CA or client certificate change, or when it seems dead.
 */
export class KubernetesTransport {
  readonly cluster: string;
  private readonly timeoutMs: number;
  private readonly userAgent: string;
  private access: Promise<ClusterAccess> | undefined;
  private session: Session | undefined;
  private opening: Promise<Session> | undefined;
  private timeoutsInRow = 0;
  private closed = false;

  constructor(private readonly options: TransportOptions) {
    this.cluster = options.cluster;
    this.timeoutMs = options.requestTimeoutMs ?? 10_000;
    this.userAgent = options.userAgent ?? 'fnplane';
  }

  /** Sends and reads the whole answer. Throws {@link KubernetesError} unless the answer is 2xx. */
  async send(request: TransportRequest): Promise<{ status: number; body: string }> {
    const started = performance.now();
    try {
      return await this.withRetries(request, async (deadline) => {
        const answer = await this.dispatch(request, deadline.signal);
        const body = await abortable(answer.body.text(), deadline.signal);
        if (answer.statusCode >= 300) throw errorFromStatus(answer.statusCode, body, single(answer.headers['retry-after']));
        return { status: answer.statusCode, body };
      });
    } finally {
      requestSeconds.observe({ cluster: this.cluster, verb: request.verb, resource: request.resource }, (performance.now() - started) / 1_000);
    }
  }

  /** Sends and hands over the answer's body as a stream. The deadline covers the headers only; `signal` ends the stream. */
  async stream(request: TransportRequest): Promise<TransportStream> {
    return this.withRetries(request, async (deadline) => {
      const answer = await this.dispatch(request, deadline.signal, 0);
      if (answer.statusCode >= 300) {
        const body = await readAtMost(answer.body, MAX_ERROR_BYTES);
        throw errorFromStatus(answer.statusCode, body, single(answer.headers['retry-after']));
      }
      deadline.keepSignal();
      return { status: answer.statusCode, headers: answer.headers, body: answer.body };
    });
  }

  async raw(): Promise<RawTarget> {
    const access = await this.loadAccess();
    const session = await this.currentSession(false);
    return { dispatcher: session.dispatcher, origin: access.origin, basePath: access.basePath, headers: session.headers };
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.opening?.catch(() => undefined);
    const session = this.session;
    this.session = undefined;
    await session?.dispatcher.destroy();
    this.noteCertificates(undefined);
  }

  private noteCertificates(credentials: Credentials | undefined): void {
    const { cluster } = this;
    noteCertificate(this, { use: 'kubernetes-client', cluster }, credentials?.tls.cert?.toString());
    noteCertificate(this, { use: 'kubernetes-authority', cluster }, credentials?.tls.ca?.toString());
  }

  private async withRetries<T>(request: TransportRequest, attempt: (deadline: Deadline) => Promise<T>): Promise<T> {
    for (let round = 0; ; round += 1) {
      const deadline = new Deadline(request.timeoutMs ?? this.timeoutMs, request.signal);
      try {
        const result = await attempt(deadline);
        this.timeoutsInRow = 0;
        return result;
      } catch (thrown) {
        const error = deadline.expired ? timeoutError(this.cluster, thrown) : request.signal?.aborted ? request.signal.reason : errorFromTransport(thrown, this.cluster);
        this.noteFailure(error, deadline);
        if (round > 0 || !(await this.mayRetry(request, error))) throw error;
      } finally {
        deadline.end();
      }
    }
  }

  /** One repeat: with fresh credentials after 401, or on a new connection after a broken one. */
  private async mayRetry(request: TransportRequest, error: unknown): Promise<boolean> {
    if (!(error instanceof KubernetesError) || this.closed) return false;
    if (error.details.status === 401 && (await this.loadAccess()).refreshable) {
      await this.currentSession(true);
      return true;
    }
    if (!request.idempotent || error.code !== 'KUBERNETES_UNAVAILABLE' || error.details.status !== undefined) return false;
    await delay(50 + Math.random() * 100);
    return true;
  }

  private noteFailure(error: unknown, deadline: Deadline): void {
    this.timeoutsInRow = deadline.expired ? this.timeoutsInRow + 1 : 0;
    if (this.timeoutsInRow < TIMEOUTS_BEFORE_RECONNECT) return;
    this.timeoutsInRow = 0;
    const dead = this.session;
    this.session = undefined;
    void dead?.dispatcher.destroy(error instanceof Error ? error : null).catch(() => undefined);
  }

  private async dispatch(request: TransportRequest, signal: AbortSignal, bodyTimeout?: number): Promise<Dispatcher.ResponseData> {
    let code = 'error';
    try {
      const access = await this.loadAccess();
      const session = await this.currentSession(false);
      const sent = session.dispatcher.request({
        origin: access.origin,
        path: `${access.basePath}${request.path}${queryString(request.query)}`,
        method: request.method,
        headers: { accept: 'application/json', 'user-agent': this.userAgent, ...request.headers, ...session.headers },
        body: request.body ?? null,
        signal,
        ...(bodyTimeout === undefined ? {} : { bodyTimeout }),
      });
      const answer = await abortable(sent, signal, (late) => late.body.destroy());
      code = String(answer.statusCode);
      return answer;
    } catch (error) {
      if (signal.aborted) code = request.signal?.aborted ? 'aborted' : 'timeout';
      throw error;
    } finally {
      requestsTotal.inc({ cluster: this.cluster, verb: request.verb, resource: request.resource, code });
    }
  }

  private loadAccess(): Promise<ClusterAccess> {
    this.access ??= loadClusterAccess(this.options.source).catch((error: unknown) => {
      this.access = undefined; // The file may be there next time.
      throw error;
    });
    return this.access;
  }

  private async currentSession(forceCheck: boolean): Promise<Session> {
    const present = this.session;
    if (present && !forceCheck && performance.now() - present.checkedAt < CREDENTIAL_CHECK_MS) return present;
    this.opening ??= this.openSession().finally(() => { this.opening = undefined; });
    return this.opening;
  }

  private async openSession(): Promise<Session> {
    const access = await this.loadAccess();
    const credentials = await access.credentials();
    if (this.closed) throw new KubernetesError('unavailable', 'KUBERNETES_UNAVAILABLE', `the client of cluster ${this.cluster} is closed`);
    const fingerprint = fingerprintOf(credentials);
    const previous = this.session;
    if (previous?.fingerprint !== fingerprint) this.noteCertificates(credentials);
    const dispatcher = previous?.fingerprint === fingerprint ? previous.dispatcher : createDispatcher(access, credentials, this.timeoutMs);
    this.session = {
      dispatcher, fingerprint, headers: credentials.headers,
      checkedAt: access.refreshable ? performance.now() : Number.POSITIVE_INFINITY,
    };
    // Closing lets what is under way finish; watches on the old connections end at their own time limit.
    if (previous && previous.dispatcher !== dispatcher) void previous.dispatcher.close().catch(() => undefined);
    return this.session;
  }
}

function createDispatcher(access: ClusterAccess, credentials: Credentials, timeoutMs: number): Dispatcher {
  // 30 s as client-go: below the idle limits of load balancers.
  const tls = { ...credentials.tls, keepAlive: true, keepAliveInitialDelay: 30_000 };
  const common = { connectTimeout: timeoutMs, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 30_000 };
  if (access.proxyUrl) return new ProxyAgent({ uri: access.proxyUrl, requestTls: tls, ...common });
  return new Agent({ ...common, allowH2: true, h2Options: { pingInterval: 15_000 }, connect: { ...tls, timeout: timeoutMs } });
}

function fingerprintOf(credentials: Credentials): string {
  const { ca, cert, key, rejectUnauthorized, servername } = credentials.tls;
  const hash = createHash('sha256');
  for (const part of [ca, cert, key, rejectUnauthorized, servername]) hash.update(`${String(part ?? '')}\0`);
  return hash.digest('base64');
}

function queryString(query: TransportRequest['query']): string {
  if (!query) return '';
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== '') parameters.set(name, String(value));
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

async function readAtMost(body: Readable, limit: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
