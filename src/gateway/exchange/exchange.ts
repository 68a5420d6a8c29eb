import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Expiring } from '../limits/expiring.js';
import type { RefusalCode } from '../refusals.policy.js';
import type { FunctionRoute } from '../routing/function-route.js';
import type { Lane, Waiter } from '../routing/lane.js';
import { ClusterAnswerError } from '../upstream/cluster-answer-error.js';
import type { Upstream, UpstreamRequest } from '../upstream/upstream.js';
import type { AdmittedRequest } from './admitted-request.js';
import { BodyTooLargeError } from './body-too-large-error.js';
import type { DataPath } from './data-path.js';
import { IDEMPOTENT, isCallersFault, WAITED_FOR } from './dispatch-faults.policy.js';
import { forwardHeaders, setDeadline } from './forward-headers.policy.js';
import { notifyClose, notifyDrain, type GatewayResponse, type ResponseOwner } from './gateway-response.js';
import { responseHeaders } from './response-headers.policy.js';
import { StreamedBody } from './streamed-body.js';
import { Tunnel } from './tunnel.js';
import { writeRefusal, type RefusalExtras } from './write-refusal.js';

const READING = 0;
const WAITING = 1;
const DISPATCHED = 2;
/** The answer is under way to the caller, or nothing more comes from the function. */
const ENDED = 3;

/** Longest time a caller may take to read what is left of a finished answer. */
const FLUSH_MS = 30_000;

/** Answers up to this size leave in one piece with their header. */
const JOINED_BYTES = 8 * 1024;

const GONE = new Error('the caller is gone');
const TIMED_OUT = new Error('the function took too long');

/**
 * One admitted request on its way: reads a small body, waits for an instance, dispatches (again, where the function has
 * seen nothing), passes the answer back, and accounts for it exactly once. It is its own undici handler, deadline entry
 * and queue entry, so that the hot path makes no closures.
 */
export class Exchange extends Expiring implements Dispatcher.DispatchHandler, Waiter, ResponseOwner {
  private state = READING;
  private upstream: Upstream | undefined = undefined;
  private previous: Upstream | undefined = undefined;
  private controller: Dispatcher.DispatchController | undefined = undefined;
  private outgoing: UpstreamRequest;
  private attempts = 0;
  /** When it first asked for an instance, and until when it may wait for one. */
  private askedAt = 0;
  private waitUntil = 0;
  private dispatchedAt = 0;
  private answered = false;
  private accounted = false;
  private buffered = 0;
  /** Declared length of the answer; -1 where it has none. */
  private expected = -1;
  private responseBytes = 0;
  private lastChunk: Buffer | undefined = undefined;
  private tunnel: Tunnel | undefined = undefined;
  private readonly request: IncomingMessage;
  private readonly response: GatewayResponse;

  constructor(
    private readonly path: DataPath,
    private readonly route: FunctionRoute,
    private readonly lane: Lane,
    private readonly admitted: AdmittedRequest,
  ) {
    super();
    this.request = admitted.request;
    this.response = admitted.response;
    this.outgoing = { path: admitted.path, method: admitted.request.method!, headers: admitted.headers.forward, body: null };
    if (this.response.upgraded) this.outgoing.upgrade = 'websocket';
  }

  begin(): void {
    const { response, request, admitted } = this;
    const { headers } = admitted;
    response.owner = this;
    response.on('close', notifyClose);
    const hasBody = headers.chunked || headers.contentLength > 0;
    const small = !headers.chunked && this.mayBuffer(headers.contentLength);
    const streamed = hasBody && !small;
    this.outgoing.headers = forwardHeaders(headers, {
      authentication: admitted.authentication,
      requestId: admitted.requestId,
      remoteAddress: request.socket.remoteAddress ?? 'unknown',
      encrypted: false,
      trustForwarded: this.path.trustForwarded,
      streamed,
    });
    this.deadline = admitted.startedAt + this.path.limits.bodyReadTimeoutMs;
    this.path.sweeper.add(this);
    if (streamed) this.outgoing.body = new StreamedBody(request, admitted.maxBodyBytes, () => this.continueUpload());
    if (hasBody && small) this.readBody(headers.contentLength);
    else this.acquire();
  }

  proceed(upstream: Upstream): void {
    const now = performance.now();
    const timeoutMs = Math.min(upstream.revision.timeoutSeconds * 1000, this.admitted.timeoutMs);
    if (this.dispatchedAt === 0) {
      this.dispatchedAt = now;
      this.route.load.requests++;
      if (this.state === WAITING) this.path.metrics.observeWait(now - this.askedAt);
      this.path.desk.noteServed(this.route, now);
      if (!this.route.active) this.path.desk.keepAwake(this.route, now);
    }
    this.state = DISPATCHED;
    this.upstream = upstream;
    this.controller = undefined;
    this.attempts++;
    this.deadline = now + timeoutMs + this.path.limits.timeoutGraceMs;
    setDeadline(this.outgoing.headers, this.callerDeadline(Date.now() + timeoutMs));
    // The API server's proxy would take it for a request of the platform's own.
    if (this.outgoing.upgrade && !upstream.transparent) return this.end(() => this.refuse('CLUSTER_UNREACHABLE', { detail: 'WebSockets need a direct way from the gateway to the pods, and it has none.' }));
    upstream.dispatch(this.outgoing, this);
  }

  expire(): void {
    switch (this.state) {
      case READING:
        return this.refuse('REQUEST_TIMEOUT');
      case WAITING:
        this.route.leave(this.lane, this);
        return this.refuse(WAITED_FOR[this.lane.lack(performance.now())], { retryAfterSeconds: 2 });
      case DISPATCHED:
        if (this.tunnel) return this.tunnel.end();
        return this.answered ? this.cut(TIMED_OUT) : this.timeOut();
      default:
        this.response.destroy();
    }
  }

  poll(): void {
    if (this.state !== WAITING) return;
    this.route.pump(performance.now());
    this.path.desk.want(this.route);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.state !== DISPATCHED) return controller.abort(GONE);
    this.controller = controller;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>, statusText?: string): void {
    if (status < 200 || this.state !== DISPATCHED) return;
    const upstream = this.upstream!;
    upstream.noteReached();
    if (this.path.draining) this.response.shouldKeepAlive = false;
    this.response.writeHead(status, statusText || undefined, responseHeaders(headers, this.admitted.requestId, upstream.servedBy, this.response.crossOrigin));
    this.answered = true;
    const length = headers['content-length'];
    if (typeof length === 'string' && this.outgoing.method !== 'HEAD') this.expected = Number(length);
    // An answer without a length may have a long way to its first byte (server-sent events): its header goes ahead.
    else queueMicrotask(() => this.flushHeader());
  }

  /** A WebSocket: it is one invocation, until either side or the function's timeout ends it. */
  onRequestUpgrade(_controller: Dispatcher.DispatchController, _status: number, headers: Record<string, string | string[] | undefined>, socket: Duplex): void {
    const { upgraded } = this.response;
    if (this.state !== DISPATCHED || !upgraded) {
      socket.destroy();
      return;
    }
    const upstream = this.upstream!;
    upstream.noteReached();
    this.answered = true;
    this.tunnel = new Tunnel(upgraded, socket, () => this.endTunnel());
    this.path.tunnels.add(this.tunnel);
    this.tunnel.open(responseHeaders(headers, this.admitted.requestId, upstream.servedBy, this.response.crossOrigin));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.state !== DISPATCHED) return;
    this.responseBytes += chunk.length;
    // The last piece leaves together with the end: one write in place of two.
    if (this.responseBytes === this.expected) this.lastChunk = chunk;
    else if (!this.response.write(chunk)) {
      if (this.response.listenerCount('drain') === 0) this.response.on('drain', notifyDrain);
      controller.pause();
    }
  }

  onResponseEnd(): void {
    if (this.state !== DISPATCHED) return this.releaseUpstream();
    this.state = ENDED;
    const now = performance.now();
    this.deadline = now + FLUSH_MS;
    this.account(this.response.statusCode, now, true);
    this.releaseUpstream();
    this.discardUpload();
    if (this.lastChunk === undefined) this.response.end();
    // As a string of bytes it joins the header in one write; as a buffer it would need a gathering one.
    else if (this.lastChunk.length <= JOINED_BYTES) this.response.end(this.lastChunk.toString('latin1'), 'latin1');
    else this.response.end(this.lastChunk);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const upstream = this.upstream;
    const unsent = this.controller === undefined;
    if (this.state !== DISPATCHED) return this.releaseUpstream();
    if (this.answered) return this.cut(error);
    if (error instanceof BodyTooLargeError) return this.end(() => this.refuse('PAYLOAD_TOO_LARGE'));
    if (isCallersFault(error)) return this.end(() => this.refuse('REQUEST_MALFORMED'));
    if (error instanceof ClusterAnswerError) return this.end(() => this.refuse(error.unready ? 'FUNCTION_NOT_READY' : 'CLUSTER_UNREACHABLE', { retryAfterSeconds: 2 }));
    if (this.mayRetry(unsent)) return this.retry();
    this.path.log.debug({ err: error, requestId: this.admitted.requestId, function: this.route.key }, 'a function could not be reached');
    this.end(() => (unsent ? this.refuse(upstream?.transparent === false ? 'CLUSTER_UNREACHABLE' : 'FUNCTION_NOT_READY', { retryAfterSeconds: 2 }) : this.refuse('FUNCTION_CONNECTION_LOST')));
  }

  onDrain(): void {
    if (this.state === DISPATCHED) this.controller?.resume();
  }

  onClose(): void {
    this.tunnel?.end();
    this.path.sweeper.delete(this);
    this.path.share.release(this.route);
    this.route.tenant.limits.leave();
    this.path.bufferedBytes -= this.buffered;
    this.route.bufferedBytes -= this.buffered;
    if (this.state === WAITING) this.route.leave(this.lane, this);
    if (this.state === DISPATCHED) {
      this.leave(GONE);
    } else if (this.state !== ENDED) {
      this.state = ENDED;
      this.account(0, performance.now(), false);
    }
  }

  private endTunnel(): void {
    if (this.state !== DISPATCHED) return;
    this.state = ENDED;
    this.path.tunnels.delete(this.tunnel!);
    this.responseBytes = this.tunnel!.responseBytes;
    this.account(101, performance.now(), true);
    this.releaseUpstream();
  }

  /** The function has the request and its caller does not wait any longer. */
  private leave(reason: Error): void {
    this.state = ENDED;
    this.account(reason === TIMED_OUT ? 504 : 0, performance.now(), this.controller !== undefined);
    // Without a controller the request is not on a connection yet: it is stopped when undici wants to send it.
    this.controller?.abort(reason);
  }

  private timeOut(): void {
    this.leave(TIMED_OUT);
    this.refuse('FUNCTION_TIMEOUT');
  }

  /** The answer has begun and cannot be completed: the caller must see that, so the connection breaks. */
  private cut(error: Error): void {
    this.path.log.debug({ err: error, requestId: this.admitted.requestId, function: this.route.key }, 'an answer broke off');
    this.state = ENDED;
    this.account(error === TIMED_OUT ? 504 : 502, performance.now(), true);
    if (error === TIMED_OUT) this.controller?.abort(error);
    else this.releaseUpstream();
    this.response.destroy();
  }

  /** Ends an attempt that undici has ended, then answers. */
  private end(answer: () => void): void {
    this.state = ENDED;
    this.releaseUpstream();
    this.discardUpload();
    answer();
  }

  /** The function has answered without reading all of the body: the rest is read away, so that the connection can go on. */
  private discardUpload(): void {
    const { body } = this.outgoing;
    if (!(body instanceof StreamedBody) || this.request.complete) return;
    body.destroy();
    this.request.resume();
  }

  private retry(): void {
    this.path.metrics.countRetry();
    this.previous = this.upstream;
    this.state = WAITING;
    this.releaseUpstream();
    this.acquire();
  }

  /**
   * A request that was never sent may always go elsewhere, for as long as it may wait: each instance that cannot be reached
   * is left alone for a while, so this makes no storm. One that was sent is repeated a few times, where that is harmless.
   */
  private mayRetry(unsent: boolean): boolean {
    const now = performance.now();
    if (!unsent) return this.attempts <= this.path.limits.maxRetries && this.isReplayable();
    if (this.upstream) this.route.noteUnreachable(this.upstream, now);
    return now < this.waitUntil;
  }

  /** Whether the same request may be sent again although the function may have seen it. */
  private isReplayable(): boolean {
    return IDEMPOTENT.has(this.outgoing.method) && !(this.outgoing.body instanceof StreamedBody);
  }

  private acquire(): void {
    const now = performance.now();
    if (this.askedAt === 0) {
      const timeoutMs = Math.min((this.route.revision?.timeoutSeconds ?? Number.POSITIVE_INFINITY) * 1000, this.admitted.timeoutMs);
      this.askedAt = now;
      this.waitUntil = now + Math.min(timeoutMs, this.path.limits.maxWaitMs);
    }
    const upstream = this.route.acquire(this.lane, now, this.previous);
    if (upstream) return this.proceed(upstream);
    const { limits, desk } = this.path;
    // A cold start may take longer than the function's own timeout.
    if (desk.canWake && !this.lane.hasUpstreams) this.waitUntil = Math.max(this.waitUntil, this.askedAt + limits.maxWakeWaitMs);
    this.state = WAITING;
    this.deadline = this.waitUntil;
    if (this.route.wait(this.lane, this, limits.maxWaitingPerFunction)) desk.want(this.route);
    else this.refuse('FUNCTION_OVERLOADED', { retryAfterSeconds: 1 });
  }

  /** One function's bodies never take more than what they leave to all others; those that find no room are streamed. */
  private mayBuffer(length: number): boolean {
    const { limits, bufferedBytes } = this.path;
    return length <= limits.bufferedBodyBytes && this.route.bufferedBytes + length <= limits.bufferedTotalBytes - bufferedBytes;
  }

  /** Reads a body of known, small size before an instance is taken. The parser guarantees the declared length. */
  private readBody(length: number): void {
    this.continueUpload();
    this.buffered = length;
    this.path.bufferedBytes += length;
    this.route.bufferedBytes += length;
    let chunks: Buffer[] | undefined;
    let received = 0;
    this.request.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received < length || chunks) (chunks ??= []).push(chunk);
      if (received < length || this.state !== READING) return;
      this.outgoing.body = chunks ? Buffer.concat(chunks, length) : chunk;
      this.acquire();
    });
  }

  private continueUpload(): void {
    if (this.admitted.expectsContinue) this.response.writeContinue();
  }

  private flushHeader(): void {
    if (this.state === DISPATCHED && this.responseBytes === 0) this.response.flushHeaders();
  }

  /** The earlier of the function's own deadline and what the platform's API asked for on its caller's behalf. */
  private callerDeadline(own: number): number {
    const { internal, deadline } = this.admitted.headers;
    const asked = internal === undefined || deadline === undefined ? Number.NaN : Number(deadline);
    return asked > 0 && asked < own ? Math.floor(asked) : own;
  }

  private refuse(code: RefusalCode, extras?: RefusalExtras): void {
    this.state = ENDED;
    this.path.metrics.countRefusal(code);
    writeRefusal(this.request, this.response, code, this.admitted.requestId, extras);
    this.deadline = performance.now() + FLUSH_MS;
    this.account(this.response.statusCode, performance.now(), false);
  }

  private releaseUpstream(): void {
    const upstream = this.upstream;
    if (!upstream) return;
    this.upstream = undefined;
    this.route.release(upstream);
  }

  /**
   * Counts the request once. @param status 0 when the caller left. @param billable whether the function had the request;
   * refusals and waits cost nothing.
   */
  private account(status: number, now: number, billable: boolean): void {
    if (this.accounted) return;
    this.accounted = true;
    this.route.counters.count(status, now - this.admitted.startedAt);
    const { upstream } = this;
    if (!billable) this.route.load.series.countRefusal(status);
    if (!billable || upstream?.revision.metering !== 'gateway') return;
    this.route.load.series.countAnswer(status, now - this.dispatchedAt);
    const { body } = this.outgoing;
    if (upstream.usage === undefined || upstream.usage.dropped) upstream.usage = this.path.usage.record(this.route.tenant.tenantId, this.route.functionId, upstream.revision.number);
    const { usage } = upstream;
    usage.changedAt = now;
    usage.invocations++;
    usage.billedMs += Math.ceil(now - this.dispatchedAt);
    usage.requestBytes += this.tunnel?.requestBytes ?? (body instanceof StreamedBody ? body.bytes : this.buffered);
    usage.responseBytes += this.responseBytes;
  }
}
