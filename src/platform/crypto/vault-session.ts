import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import { partLogger } from '../observability/logger.js';
import { keyServiceUnavailable } from './key-provider.js';
import { KeyServiceCalls, type KeyServiceLimits } from './key-service-calls.js';
import { KeyServiceFault } from './key-service-fault.js';

export interface VaultSettings {
  address: string;
  /** Holds the token alone; read again when the token is refused, so that an agent may change it. */
  tokenFile: string;
  namespace?: string;
}

export interface VaultAnswer {
  status: number;
  body: { data?: Record<string, unknown>; auth?: { lease_duration?: number; renewable?: boolean }; errors?: string[] };
}

const LEAST_RENEWAL_MS = 1_000;
const MOST_RENEWAL_MS = 3_600_000;
/** Sealed, standby without a leader, too many requests, a fault inside. */
const FAULTS = new Set([412, 429, 472, 473, 500, 502, 503, 504]);
const log = partLogger('keys');

/** Requests to a Vault or OpenBao with a token from a file. The token is renewed at half of its life for as long as it is in use. */
export class VaultSession {
  private readonly calls: KeyServiceCalls;
  private token: string | undefined;
  private renewal: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly settings: VaultSettings, limits: Partial<KeyServiceLimits> = {}) {
    this.calls = new KeyServiceCalls(limits);
  }

  /**
   * @param path below `/v1/`
   * @returns answers below 500; 403 only where the token of the file is refused.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE
   */
  send(method: 'GET' | 'POST', path: string, body?: object, signal?: AbortSignal): Promise<VaultAnswer> {
    return this.calls.run(async (limit) => {
      const token = this.token ?? (await this.begin(limit));
      const answer = await this.once(token, method, path, body, limit);
      if (answer.status !== 403) return answer;
      // It may have ended, and another one may be in the file by now.
      const fresh = await this.begin(limit);
      return fresh === token ? answer : this.once(fresh, method, path, body, limit);
    }, signal);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.renewal);
  }

  private async begin(signal: AbortSignal): Promise<string> {
    let token: string;
    try {
      token = (await readFile(this.settings.tokenFile, 'utf8')).trim();
    } catch (error) {
      throw keyServiceUnavailable(error);
    }
    if (token === this.token) return token;
    this.token = token;
    const { status, body } = await this.once(token, 'GET', 'auth/token/lookup-self', undefined, signal);
    // A policy may forbid to look; then the token is somebody else's to renew.
    if (status === 200 && body.data?.renewable === true) this.renewIn(Number(body.data.ttl));
    return token;
  }

  private renewIn(seconds: number): void {
    clearTimeout(this.renewal);
    if (this.closed || !(seconds > 0)) return;
    this.renewal = setTimeout(() => void this.renew(), Math.min(MOST_RENEWAL_MS, Math.max(LEAST_RENEWAL_MS, seconds * 500)));
    this.renewal.unref();
  }

  private async renew(): Promise<void> {
    const { status, body } = await this.send('POST', 'auth/token/renew-self', {}).catch((error: unknown) => {
      log.warn({ err: error }, 'the token of the key service could not be renewed; trying again');
      return { status: 0, body: {} } as VaultAnswer;
    });
    if (status === 200 && body.auth?.renewable !== false) this.renewIn(body.auth?.lease_duration ?? 0);
    else if (status === 0) this.renewIn(LEAST_RENEWAL_MS / 500);
  }

  private async once(token: string, method: 'GET' | 'POST', path: string, body: object | undefined, signal: AbortSignal): Promise<VaultAnswer> {
    const { address, namespace } = this.settings;
    try {
      const answer = await request(new URL(`v1/${path}`, address.endsWith('/') ? address : `${address}/`), {
        method, signal, headersTimeout: 30_000, bodyTimeout: 30_000,
        headers: { 'x-vault-token': token, 'x-vault-request': 'true', ...(body ? { 'content-type': 'application/json' } : {}), ...(namespace ? { 'x-vault-namespace': namespace } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const text = await answer.body.text();
      if (FAULTS.has(answer.statusCode)) throw new KeyServiceFault(`Vault answered ${answer.statusCode}`);
      return { status: answer.statusCode, body: (text ? JSON.parse(text) : {}) as VaultAnswer['body'] };
    } catch (error) {
      if (error instanceof KeyServiceFault) throw error;
      throw new KeyServiceFault('Vault does not answer', { cause: error });
    }
  }
}
