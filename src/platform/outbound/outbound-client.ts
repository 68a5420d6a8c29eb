import { lookup as resolveHost, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { Agent, request, type Dispatcher } from 'undici';
import { DomainError } from '../errors/domain-error.js';
import { addressClosed, answerTooLarge, timedOut, unreachable } from './outbound-errors.js';
import { demandOutboundUrl, mayConnect, type OutboundRules } from './outbound-url.policy.js';

export interface OutboundRequest {
  url: string;
  method: 'GET' | 'POST' | 'PUT';
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Of the whole exchange. Default 10 s. */
  timeoutMs?: number;
  /** Most bytes of the answer. Default 64 KiB. */
  limit?: number;
  /** Nobody reads the answer's body: it is not waited for beyond `limit`, and is no error whatever its length. */
  statusOnly?: boolean;
  signal?: AbortSignal;
}

export interface OutboundAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** As `dns.lookup` with `all`. */
export type Resolver = (host: string) => Promise<LookupAddress[]>;

const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const LIMIT = 64 * 1024;
const CONNECTIONS_PER_HOST = 4;
const KEEP_ALIVE_MS = 4_000;

/**
 * The platform's way to addresses that tenants name (webhooks, callbacks). A name is resolved once, all of its addresses are judged, and
 * the connection goes to what was judged: between the look and the call nobody can turn the name elsewhere. Redirects are answers like
 * any other: they are not followed. Connections are kept by origin only, so an address that was let in is not used for another name.
 */
export class OutboundClient {
  private readonly agent: Agent;

  constructor(private readonly rules: OutboundRules, resolve: Resolver = resolveAll) {
    this.agent = new Agent({
      connections: CONNECTIONS_PER_HOST, pipelining: 1, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup(resolve, rules) },
    });
  }

  /**
   * Sends one request, once: whoever wants it repeated does so himself, with what makes that harmless.
   * @throws {DomainError} OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED, OUTBOUND_UNREACHABLE, OUTBOUND_TIMEOUT, OUTBOUND_ANSWER_TOO_LARGE; what aborted `signal`
   */
  async send(wanted: OutboundRequest): Promise<OutboundAnswer> {
    const url = demandOutboundUrl(wanted.url, this.rules);
    const timeoutMs = wanted.timeoutMs ?? TIMEOUT_MS;
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await request(url, {
        dispatcher: this.agent, method: wanted.method, headers: wanted.headers, body: wanted.body,
        signal: wanted.signal ? AbortSignal.any([wanted.signal, deadline]) : deadline, headersTimeout: timeoutMs, bodyTimeout: timeoutMs,
      });
      if (wanted.statusOnly) await answer.body.dump({ limit: wanted.limit ?? LIMIT }).catch(() => undefined);
      return { status: answer.statusCode, headers: answer.headers, body: wanted.statusOnly ? Buffer.alloc(0) : await readBody(answer, url.host, wanted.limit ?? LIMIT) };
    } catch (error) {
      wanted.signal?.throwIfAborted();
      if (deadline.aborted) throw timedOut(url.host, timeoutMs);
      throw domainErrorIn(error) ?? unreachable(url.host, error);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

/** What `net.connect` asks for the addresses of a name: it connects to one of those it is given and to nothing else. */
function guardedLookup(resolve: Resolver, rules: OutboundRules): LookupFunction {
  return (host, options, done) => {
    resolve(host).then((found) => {
      // One closed address among open ones is a trap or a mistake: neither is called.
      if (found.length === 0 || !found.every(({ address }) => mayConnect(address, rules))) throw addressClosed();
      if (options.all) done(null, found);
      else done(null, found[0]!.address, found[0]!.family);
    }).catch((error: unknown) => done(error as NodeJS.ErrnoException, []));
  };
}

function resolveAll(host: string): Promise<LookupAddress[]> {
  return new Promise((done, fail) => resolveHost(host, { all: true, verbatim: true }, (error, found) => (error ? fail(error) : done(found))));
}

async function readBody(answer: Dispatcher.ResponseData, host: string, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer.body) {
    size += (part as Buffer).length;
    if (size > limit) throw answerTooLarge(host, limit);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

/** Ours, where it stands among the causes of what undici threw. */
function domainErrorIn(error: unknown): DomainError | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof DomainError) return at;
  return undefined;
}
