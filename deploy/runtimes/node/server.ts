import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import { errorAnswer, type Answer } from './answer.ts';
import { Context } from './context.ts';
import { buildEvent, joinHeaders, splitTarget } from './event.ts';
import type { Call, Invoker } from './invoker.ts';
import type { Metrics } from './metrics.ts';
import { RefusedRequest } from './refused-request.ts';
import { HEAD_MS, IDLE_MS, MAX_BODY_BYTES, MAX_HEAD_BYTES, REQUEST_MS, SPECIALIZE_PATH, type Settings } from './settings.ts';

const REQUEST_ID = /^[\x21-\x7e]{1,200}$/;
const TEXT = 'text/plain';

/** `x-fnplane-deadline` (Unix ms); a value that is no number is ignored. */
function callerDeadline(headers: Record<string, string>): number | undefined {
  const text = headers['x-fnplane-deadline'] ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** One `node:http` server with bounded heads and waits. */
export function createHttp(): HttpServer {
  return createServer({ maxHeaderSize: MAX_HEAD_BYTES, headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: IDLE_MS, noDelay: true });
}

/** HTTP around the {@link Invoker}. */
export class Server {
  readonly http: HttpServer;
  readonly #settings: Settings;
  readonly #metrics: Metrics;
  readonly #invoker: Invoker;
  #draining = false;
  /** Called whenever a request has been answered; the shutdown waits on it. */
  onAnswered: () => void = () => {};

  readonly #pooled: boolean;

  /** `http`: one that listens already, in a warm pool; the path of specialization is then the platform's, not the handler's. */
  constructor(settings: Settings, metrics: Metrics, invoker: Invoker, http?: HttpServer) {
    this.#settings = settings;
    this.#metrics = metrics;
    this.#invoker = invoker;
    this.#pooled = http !== undefined;
    this.http = http ?? createHttp();
    this.http.on('request', (request: IncomingMessage, response: ServerResponse) => this.#receive(request, response));
    this.http.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      if (!(Number(request.headers['content-length']) > MAX_BODY_BYTES)) response.writeContinue();
      this.#receive(request, response);
    });
    this.http.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => this.#malformed(error, socket));
  }

  /** Stops accepting; connections stay, each answer from now on ends its own. */
  drain(): void {
    this.#draining = true;
    // `http.Server.close` would cut idle connections at once, under requests that are on their way.
    NetServer.prototype.close.call(this.http);
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const { path } = splitTarget(request.url ?? '/');
    if (path === '/healthz' || path === '/metrics') {
      request.resume();
      this.#write(response, this.#own(path, request.method ?? ''), []);
      return;
    }
    if (this.#pooled && path === SPECIALIZE_PATH) {
      request.resume();
      this.#write(response, errorAnswer(409, 'AlreadySpecialized', `This instance serves ${this.#settings.servedBy} already.`, 'platform'), []);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let refused = false;
    const tooLarge = (): void => {
      refused = true;
      chunks.length = 0;
      // The rest is read and dropped, so that the sender lives to see the answer; `requestTimeout` bounds it.
      this.#refuse(response, request, new RefusedRequest(413, 'RequestRefused', `The body is larger than ${MAX_BODY_BYTES} bytes.`));
    };
    if (Number(request.headers['content-length']) > MAX_BODY_BYTES) tooLarge();
    request.on('data', (chunk: Buffer) => {
      if (refused) return;
      size += chunk.length;
      if (size > MAX_BODY_BYTES) tooLarge();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      if (!refused) this.#invoke(request, response, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
    });
    request.on('error', () => {});
  }

  #requestId(given: string | undefined): string {
    return given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
  }

  #refuse(response: ServerResponse, request: IncomingMessage, error: RefusedRequest): void {
    const given = request.headers['x-request-id'];
    this.#send(response, this.#requestId(typeof given === 'string' ? given : undefined), errorAnswer(error.status, error.type, error.message, 'platform'));
  }

  #invoke(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const method = request.method ?? 'GET';
    let call: Call;
    let requestId: string;
    try {
      const headers = joinHeaders(request.rawHeaders);
      requestId = this.#requestId(headers['x-request-id']);
      call = {
        event: buildEvent(method, request.url ?? '/', headers, body, requestId),
        context: new Context(this.#settings, requestId, headers),
        requestBytes: body.length,
        callerDeadline: callerDeadline(headers),
        answer: (answer, ranNs) => {
          if (ranNs !== null) this.#metrics.countInvocation(ranNs, body.length, method === 'HEAD' ? 0 : answer.body.length);
          this.#send(response, requestId, answer);
        },
      };
    } catch (error) {
      if (!(error instanceof RefusedRequest)) throw error;
      this.#refuse(response, request, error);
      return;
    }
    const refused = this.#invoker.submit(call);
    if (refused !== null) {
      this.#send(response, requestId, refused);
      return;
    }
    response.once('close', () => {
      if (!response.writableFinished && this.#invoker.abandon(call)) {
        this.#metrics.countRequest(499);
        this.onAnswered();
      }
    });
  }

  #send(response: ServerResponse, requestId: string, answer: Answer): void {
    this.#metrics.countRequest(answer.status);
    this.#write(response, answer, [['x-request-id', requestId], ['x-fnplane-served-by', this.#settings.servedBy]]);
    this.onAnswered();
  }

  #write(response: ServerResponse, answer: Answer, headers: [string, string][]): void {
    if (response.destroyed) return;
    const lines = [...answer.headers, ...headers];
    if (answer.status !== 204 && answer.status !== 304) lines.push(['content-length', String(answer.body.length)]);
    if (this.#draining) lines.push(['connection', 'close']);
    response.writeHead(answer.status, lines.flat());
    response.end(answer.body);
  }

  #own(path: string, method: string): Answer {
    if (method !== 'GET' && method !== 'HEAD') return errorAnswer(405, 'MethodNotAllowed', `${path} answers GET only.`, 'platform', [['allow', 'GET, HEAD']]);
    if (path === '/metrics') {
      const body = Buffer.from(this.#metrics.text(this.#invoker.busy));
      return { status: 200, headers: [['content-type', 'text/plain; version=0.0.4; charset=utf-8']], body };
    }
    if (this.#invoker.stuck) return { status: 503, headers: [['content-type', TEXT]], body: Buffer.from('every slot is held by a handler that ran out of time\n') };
    return { status: 200, headers: [['content-type', TEXT]], body: Buffer.from('ok\n') };
  }

  /** Bytes that are no request: answered by hand, since there is no response object yet. */
  #malformed(error: NodeJS.ErrnoException, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
    const answer = errorAnswer(status, 'RequestRefused', status === 431 ? 'The headers are too large.' : 'The request is malformed.', 'platform');
    this.#metrics.countRequest(status);
    const head = [...answer.headers, ['x-request-id', randomUUID()], ['content-length', answer.body.length], ['connection', 'close']];
    socket.end(`HTTP/1.1 ${status} Refused\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${answer.body.toString()}`);
  }
}
