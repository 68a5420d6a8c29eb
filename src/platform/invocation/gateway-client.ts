import type { Readable } from 'node:stream';
import { Pool, type Dispatcher } from 'undici';
import { HEADER } from '../../contract/runtime.js';
import { DomainError } from '../errors/domain-error.js';
import { InternalTokenSigner } from './internal-token-signer.js';
import { INTERNAL_HEADER, INTERNAL_TOKEN_TTL_MS } from './internal-token.js';

export interface GatewayClientOptions {
  /** Base URL of the gateway, e.g. `http://127.0.0.1:3080`. */
  url: string;
  /** Shared with the gateway; at least 32 characters. */
  secret: string;
  /** Connections, and so invocations at once; default 256. More wait for their turn. */
  connections?: number;
  /** Largest answer that is taken; default 6 MiB. */
  maxResponseBytes?: number;
}

export interface Invocation {
  tenant: string;
  tenantId: string;
  function: string;
  /** `Principal.key` of whoever asks; the caller has checked that they may. */
  principal: string;
  method: string;
  /** What the function sees as its request target: begins with `/`, may have a query. */
  path: string;
  /** Passed on but for credentials, hop-by-hop fields and what the platform sets itself. */
  headers?: Readonly<Record<string, string>>;
  body?: Buffer | string;
  /** What started it: the function is told so, and nobody else can tell it. */
  trigger?: { name: string; dueAt: Date };
  signal?: AbortSignal;
  /** A longer answer is read to its end and not kept, where else it is an error: for callers to whom what the function did matters more than what it said. */
  keepBytes?: number;
  /** How long the caller waits in all, waiting for an instance included. The function's own timeout may be shorter. */
  timeoutMs: number;
}

/** Why no function answered. `code` is one of the gateway's, e.g. `FUNCTION_NOT_FOUND`, `RATE_LIMITED`, `FUNCTION_TIMEOUT`. */
export interface InvocationRefusal {
  code: string;
  detail: string;
  retryAfterSeconds: number | undefined;
}

export interface InvocationAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The body was longer than `keepBytes`, and is empty here. */
  tooLarge: boolean;
  /** The revision that answered; undefined when the gateway answered in the function's place. */
  revision: number | undefined;
  /** Set when the gateway answered in the function's place. */
  refusal: InvocationRefusal | undefined;
}

const MIB = 1024 * 1024;
/** The gateway answers 504 itself; this much later it is taken for dead. */
const TIMEOUT_MARGIN_MS = 1000;
const NOT_PASSED_ON = /^(?:authorization|x-api-key|cookie2|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|content-length|upgrade|expect|x-fnplane-.*|x-forwarded-.*)$/i;

/** Invokes functions through the gateway on behalf of callers whose permission the API has checked. */
export class GatewayClient {
  private readonly pool: Pool;
  private readonly signer: InternalTokenSigner;
  private readonly maxBytes: number;

  constructor(options: GatewayClientOptions) {
    const { origin, pathname } = new URL(options.url);
    if (pathname !== '/') throw new RangeError('the gateway URL must have no path');
    this.pool = new Pool(origin, { connections: options.connections ?? 256, pipelining: 1, connect: { timeout: 2000 }, headersTimeout: 0, bodyTimeout: 0 });
    this.signer = new InternalTokenSigner(options.secret);
    this.maxBytes = options.maxResponseBytes ?? 6 * MIB;
  }

  /**
   * @returns whatever the function answered, with any status, or the gateway's refusal.
   * @throws {DomainError} GATEWAY_UNAVAILABLE (unavailable), INVOCATION_TIMEOUT (timeout), INVOCATION_RESPONSE_TOO_LARGE
   *   (upstream), INVOCATION_PATH_INVALID (invalid); with `keepBytes`, FUNCTION_CONNECTION_LOST (upstream) where the answer
   *   broke off; the signal's reason when it aborts.
   */
  async invoke(invocation: Invocation): Promise<InvocationAnswer> {
    const target = targetOf(invocation);
    const timeout = AbortSignal.timeout(invocation.timeoutMs + TIMEOUT_MARGIN_MS);
    const signal = invocation.signal ? AbortSignal.any([invocation.signal, timeout]) : timeout;
    try {
      const answer = await this.pool.request({ path: target, method: invocation.method, headers: this.headersOf(invocation, target), body: invocation.body ?? null, signal });
      if (invocation.keepBytes === undefined) return toAnswer(answer, await readBounded(answer.body, this.maxBytes));
      const kept = await readKept(answer.body, invocation.keepBytes, signal);
      return { ...toAnswer(answer, kept ?? Buffer.alloc(0)), tooLarge: kept === undefined };
    } catch (error) {
      throw invocation.signal?.aborted ? invocation.signal.reason : translate(error, timeout);
    }
  }

  /** Waits for invocations under way. */
  async close(): Promise<void> {
    await this.pool.close();
  }

  private headersOf(invocation: Invocation, target: string): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(invocation.headers ?? {})) {
      if (!NOT_PASSED_ON.test(name)) headers[name.toLowerCase()] = value;
    }
    const now = Date.now();
    const claims = { tenantId: invocation.tenantId, principal: invocation.principal, expiresAt: now + INTERNAL_TOKEN_TTL_MS };
    headers[INTERNAL_HEADER] = this.signer.sign(claims, invocation.method, target);
    if (invocation.trigger) Object.assign(headers, { [HEADER.trigger]: invocation.trigger.name, [HEADER.dueAt]: invocation.trigger.dueAt.toISOString() });
    headers[HEADER.deadline] = String(now + invocation.timeoutMs);
    return headers;
  }
}

function targetOf({ tenant, function: name, path }: Invocation): string {
  if (!/^\/[\u0021-\u007e]*$/.test(path) || path.includes('#')) {
    throw new DomainError('invalid', 'INVOCATION_PATH_INVALID', 'The path must begin with / and hold visible ASCII characters only; encode all others.');
  }
  return `/${tenant}/${name}${path}`;
}

async function readBounded(body: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (size > limit) throw new DomainError('upstream', 'INVOCATION_RESPONSE_TOO_LARGE', `The function's answer is larger than ${limit} bytes; call it at its own address to receive it as a stream.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Undefined where it is longer. */
async function readKept(body: Readable, limit: number, signal: AbortSignal): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw new DomainError('upstream', 'FUNCTION_CONNECTION_LOST', 'The function\'s answer broke off.', { cause: error });
  }
  return size <= limit ? Buffer.concat(chunks, size) : undefined;
}

/** A field of an answer's header as one text, however often it was given. */
export function fieldText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

function toAnswer(answer: Dispatcher.ResponseData, body: Buffer): InvocationAnswer {
  const { statusCode: status, headers } = answer;
  const servedBy = headers[HEADER.servedBy];
  const revision = typeof servedBy === 'string' ? Number(servedBy.slice(servedBy.lastIndexOf('@') + 1)) : undefined;
  return { status, headers, body, tooLarge: false, revision, refusal: revision === undefined ? readRefusal(body, headers['retry-after']) : undefined };
}

function readRefusal(body: Buffer, retryAfter: string | string[] | undefined): InvocationRefusal {
  const seconds = typeof retryAfter === 'string' ? Number(retryAfter) : Number.NaN;
  const retryAfterSeconds = Number.isFinite(seconds) ? seconds : undefined;
  try {
    const { code, detail } = JSON.parse(body.toString('utf8')) as { code?: unknown; detail?: unknown };
    if (typeof code === 'string' && typeof detail === 'string') return { code, detail, retryAfterSeconds };
  } catch {
    // Something between here and the gateway answered.
  }
  return { code: 'GATEWAY_ERROR', detail: 'The gateway did not answer as it should.', retryAfterSeconds };
}

function translate(error: unknown, timeout: AbortSignal): unknown {
  if (error instanceof DomainError) return error;
  if (timeout.aborted) return new DomainError('timeout', 'INVOCATION_TIMEOUT', 'The function did not answer in time.', { cause: error });
  return new DomainError('unavailable', 'GATEWAY_UNAVAILABLE', 'The gateway cannot be reached at the moment; the function may or may not have run.', { cause: error, retryAfterSeconds: 2 });
}
