import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { ImageError } from './image-errors.js';
import { RegistryAuthorizer } from './registry-authorizer.js';
import type { RegistryOptions } from './registry-options.js';

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
const ATTEMPTS = 4;
const CONNECTIONS = 16;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3_000;
const MOST_REDIRECTS = 3;

export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path from `/v2/` on, or a whole address the registry gave us. */
  path: string;
  /** Token scope, `repository:<name>:pull,push`; several divided by a blank. */
  scope: string;
  headers?: Record<string, string>;
  body?: Uint8Array;
  /** Most bytes of an answer's body. */
  limit?: number;
  /** Uploads cannot be sent twice to one place: their caller starts them anew. */
  once?: boolean;
  signal?: AbortSignal;
}

export interface RegistryAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

/** Sends requests to one registry: its own connections, timeouts, credentials, retries with backoff. */
export class RegistryTransport {
  readonly origin: string;
  private readonly agent: Agent;
  private readonly authorizer: RegistryAuthorizer;
  private readonly timeoutMs: number;

  constructor(private readonly options: RegistryOptions) {
    this.origin = new URL(options.url).origin;
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.agent = new Agent({
      connections: options.connections ?? CONNECTIONS,
      connect: { timeout: Math.min(CONNECT_TIMEOUT_MS, this.timeoutMs), ...(options.ca ? { ca: options.ca } : {}) },
    });
    this.authorizer = new RegistryAuthorizer(this.agent, options.credentials, this.timeoutMs);
  }

  /**
   * @returns answers of 2xx, 3xx and 404; redirects of a GET are followed
   * @throws {ImageError} REGISTRY_UNAVAILABLE after the last attempt, REGISTRY_REFUSED for any other 4xx
   */
  async send(wanted: RegistryRequest): Promise<RegistryAnswer> {
    const attempts = wanted.once ? 1 : (this.options.attempts ?? ATTEMPTS);
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await this.authorized(wanted);
        if (answer.status < 400 || answer.status === 404) return answer;
        if (answer.status < 500 && answer.status !== 429) throw refused(wanted, answer, this.origin);
        throw new ImageError('REGISTRY_UNAVAILABLE', `The registry at ${new URL(this.origin).host} answered ${answer.status}.`);
      } catch (error) {
        wanted.signal?.throwIfAborted();
        const failure = error instanceof ImageError ? error : unreachable(this.origin, error);
        if (!failure.retryable || failure.code === 'REGISTRY_REFUSED' || attempt >= attempts) throw failure;
        await backoff(attempt, wanted.signal);
      }
    }
  }

  private async authorized(wanted: RegistryRequest): Promise<RegistryAnswer> {
    const answer = await this.exchange(wanted);
    if (answer.status !== 401) return answer;
    const challenge = String(answer.headers['www-authenticate'] ?? '');
    return (await this.authorizer.answer(challenge, wanted.scope, wanted.signal)) ? this.exchange(wanted) : answer;
  }

  private async exchange(wanted: RegistryRequest): Promise<RegistryAnswer> {
    let url = new URL(wanted.path, this.origin);
    for (let redirects = 0; ; redirects += 1) {
      const authorization = url.origin === this.origin ? this.authorizer.header(wanted.scope) : undefined;
      const answer = await request(url, {
        dispatcher: this.agent, method: wanted.method, body: wanted.body, signal: wanted.signal,
        headers: { ...wanted.headers, ...(authorization ? { authorization } : {}) },
        headersTimeout: this.timeoutMs, bodyTimeout: this.timeoutMs,
      });
      const location = answer.headers.location;
      const redirected = wanted.method === 'GET' && answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string';
      const body = await bodyOf(answer, wanted.limit ?? 1024 * 1024);
      if (!redirected || redirects >= MOST_REDIRECTS) return { status: answer.statusCode, headers: answer.headers, body };
      url = new URL(location, url);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

async function bodyOf(answer: Dispatcher.ResponseData, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer.body) {
    size += (part as Buffer).length;
    if (size > limit) throw new ImageError('REGISTRY_REFUSED', `The registry's answer is larger than the ${limit} bytes it may have.`);
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

function refused(wanted: RegistryRequest, answer: RegistryAnswer, origin: string): ImageError {
  const why = answer.status === 401 || answer.status === 403 ? 'check the registry credentials' : answer.body.toString('utf8').slice(0, 300);
  return new ImageError('REGISTRY_REFUSED', `The registry at ${new URL(origin).host} answered ${answer.status} to ${wanted.method}: ${why}.`);
}

function unreachable(origin: string, cause: unknown): ImageError {
  const reason = (cause as { code?: string }).code ?? (cause as Error).message;
  return new ImageError('REGISTRY_UNAVAILABLE', `The registry at ${new URL(origin).host} cannot be reached (${reason}).`, { cause });
}

/** Doubles from attempt to attempt, with half of it random so that many clients do not come back at once. */
export async function backoff(attempt: number, signal?: AbortSignal): Promise<void> {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  await pause(longest / 2 + Math.random() * (longest / 2), undefined, { signal });
}
