import { request, type Dispatcher } from 'undici';
import { BoundedCache } from '../caching/bounded-cache.js';
import { ImageError } from './image-errors.js';
import { parseBearerChallenge } from './registry-challenge.policy.js';
import type { RegistryOptions } from './registry-options.js';

const TOKENS_KEPT = 256;
const SHORTEST_LIFE_S = 60; // the protocol's default where the answer names none
const LONGEST_LIFE_MS = 300_000;
const EARLY_MS = 10_000;

/** Finds the `Authorization` of each request: basic, a fixed token, or tokens fetched as the registry demands. */
export class RegistryAuthorizer {
  private readonly tokens = new BoundedCache<string, string>(TOKENS_KEPT, LONGEST_LIFE_MS);
  private demandsTokens = false;

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly credentials: RegistryOptions['credentials'],
    private readonly timeoutMs: number,
  ) {}

  /** Header for a request that needs `scope`, or undefined for an anonymous one. */
  header(scope: string): string | undefined {
    const token = this.tokens.get(scope);
    if (token !== undefined) return `Bearer ${token}`;
    return this.demandsTokens ? undefined : this.fixed();
  }

  private fixed(): string | undefined {
    if (this.credentials === undefined) return undefined;
    if ('token' in this.credentials) return `Bearer ${this.credentials.token}`;
    return `Basic ${Buffer.from(`${this.credentials.username}:${this.credentials.password}`).toString('base64')}`;
  }

  /**
   * Answers a 401: fetches a token for `scope` where the registry asks for one.
   * @returns whether trying again makes sense
   */
  async answer(challenge: string, scope: string, signal?: AbortSignal): Promise<boolean> {
    const bearer = parseBearerChallenge(challenge);
    if (bearer === undefined || (this.credentials !== undefined && 'token' in this.credentials)) return false;
    const url = new URL(bearer.realm);
    if (bearer.service) url.searchParams.set('service', bearer.service);
    for (const part of scope.split(' ')) url.searchParams.append('scope', part);
    const basic = this.fixed();
    const answer = await request(url, {
      dispatcher: this.dispatcher, headers: basic ? { authorization: basic } : {}, headersTimeout: this.timeoutMs, bodyTimeout: this.timeoutMs, signal,
    });
    const body = (await answer.body.json().catch(() => ({}))) as { token?: string; access_token?: string; expires_in?: number };
    const token = body.token ?? body.access_token;
    if (answer.statusCode !== 200 || !token) {
      throw new ImageError('REGISTRY_REFUSED', `The registry's token service at ${url.host} answered ${answer.statusCode}: check the registry credentials.`);
    }
    this.demandsTokens = true;
    this.tokens.delete(scope);
    this.tokens.set(scope, token, Date.now() + (body.expires_in ?? SHORTEST_LIFE_S) * 1000 - EARLY_MS);
    return true;
  }
}
