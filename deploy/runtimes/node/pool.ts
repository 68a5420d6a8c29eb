import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { errorAnswer, type Answer } from './answer.ts';
import { splitTarget } from './event.ts';
import { MAX_SPECIALIZATION_BYTES, SPECIALIZE_PATH, type Settings } from './settings.ts';
import { inside, unpackCode, writeNew } from './unpack.ts';

const FACTS = ['FNPLANE_TENANT', 'FNPLANE_FUNCTION', 'FNPLANE_REVISION', 'FNPLANE_HANDLER', 'FNPLANE_TIMEOUT_MS', 'FNPLANE_CONCURRENCY'] as const;

interface Head {
  facts: Record<string, string>;
  environment: Record<string, string>;
  /** `<secret>/<KEY>` to base64. */
  secretFiles: Record<string, string>;
}

/** An instance of a warm pool: answers /healthz, takes one specialization, refuses all else until then. */
export class Pool {
  /** Resolves when the one order has come. */
  readonly ordered: Promise<void>;
  readonly #http: HttpServer;
  #token: Buffer;
  #take: () => void = () => {};
  #order: Buffer | undefined;
  #caller: ServerResponse | undefined;
  /** Requests that came while the handler was being loaded: they wait for it. */
  readonly #held: [IncomingMessage, ServerResponse][] = [];

  constructor(http: HttpServer, token: string) {
    this.#token = Buffer.from(token);
    this.#http = http;
    this.ordered = new Promise((resolve) => (this.#take = resolve));
    http.on('request', this.#receive);
  }

  /** Code, secret files and environment of the order. Throws where it cannot be carried out. */
  install(settings: Settings): void {
    const order = this.#order ?? Buffer.alloc(0);
    this.#order = undefined;
    this.#token = Buffer.alloc(0);
    const end = order.length < 4 ? 0 : 4 + order.readUInt32BE(0);
    if (end === 0 || order.length < end) throw new Error('the specialization is cut off');
    const head = JSON.parse(order.toString('utf8', 4, end)) as Head;
    unpackCode(order.subarray(end), settings.codeFolder);
    for (const [name, content] of Object.entries(head.secretFiles)) writeNew(inside(settings.secretsFolder, name), Buffer.from(content, 'base64'), 0o440);
    Object.assign(process.env, head.environment);
    for (const name of FACTS) process.env[name] = head.facts[name] ?? '';
  }

  /** Hands the listener over. */
  leave(): void {
    this.#http.off('request', this.#receive);
  }

  /** Tells the caller that the function serves, and lets go what waited for it. */
  done(servedBy: string): void {
    if (this.#caller) write(this.#caller, { status: 200, headers: [['content-type', 'application/json']], body: Buffer.from(JSON.stringify({ function: servedBy })) });
    for (const [request, response] of this.#held.splice(0)) this.#http.emit('request', request, response);
  }

  /** Tells the caller why there is no function; resolves when it left the process, or after a second. */
  async fail(words: string): Promise<void> {
    const caller = this.#caller;
    if (!caller) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000);
      caller.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      write(caller, errorAnswer(422, 'StartupFailed', words, 'platform', [['connection', 'close']]));
    });
  }

  readonly #receive = (request: IncomingMessage, response: ServerResponse): void => {
    const { path } = splitTarget(request.url ?? '/');
    if (path === '/healthz') {
      request.resume();
      write(response, { status: 200, headers: [['content-type', 'text/plain']], body: Buffer.from('ok\n') });
    } else if (path === SPECIALIZE_PATH && request.method === 'POST') {
      this.#specialize(request, response);
    } else if (this.#caller) {
      this.#held.push([request, response]);
    } else {
      request.resume();
      write(response, errorAnswer(503, 'NotSpecialized', 'This instance has no function yet.', 'platform', [['retry-after', '1']]));
    }
  };

  #specialize(request: IncomingMessage, response: ServerResponse): void {
    const refuse = (answer: Answer): void => {
      request.resume();
      write(response, answer);
    };
    const given = Buffer.from(/^Bearer ([\w-]{43})$/.exec(request.headers.authorization ?? '')?.[1] ?? '');
    if (this.#caller) return refuse(errorAnswer(409, 'AlreadySpecialized', 'This instance is taken already.', 'platform'));
    if (given.length !== this.#token.length || !timingSafeEqual(given, this.#token)) {
      return refuse(errorAnswer(401, 'Unauthorized', 'The token is missing or wrong.', 'platform'));
    }
    const length = Number(request.headers['content-length']);
    if (!(length <= MAX_SPECIALIZATION_BYTES)) return refuse(errorAnswer(413, 'RequestRefused', `The body is larger than ${MAX_SPECIALIZATION_BYTES} bytes, or its length is not said.`, 'platform'));
    // Taken from the first byte on: of two that come together, one only is read.
    this.#caller = response;
    const order = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    request.on('data', (chunk: Buffer) => (filled += chunk.copy(order, filled)));
    request.on('close', () => {
      this.#order = order.subarray(0, filled);
      this.#take();
    });
  }
}

function write(response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return;
  response.writeHead(answer.status, [...answer.headers, ['content-length', String(answer.body.length)] as [string, string]].flat());
  response.end(answer.body);
}
