import { createHash, timingSafeEqual } from 'node:crypto';
import { API_KEY } from '../../contract/access-list.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import type { InternalTokenVerifier } from '../../platform/invocation/internal-token-verifier.js';
import type { ScannedHeaders } from '../exchange/request-headers.policy.js';
import type { AccessDirectory, TenantEntry } from './access-directory.js';
import type { GatewayTokenVerifier } from './token-verifier.js';

/**
 * `allowed`: may invoke this tenant's functions. `foreign`: a good credential of somebody who may not: for them the function
 * does not exist. `insufficient`: a good token without a claim that is asked for. `missing` and `invalid`: no credential, or
 * none that is good. `unavailable`: cannot be told now.
 */
export type Verdict = 'allowed' | 'foreign' | 'insufficient' | 'missing' | 'invalid' | 'unavailable';

const BEARER = /^Bearer +(\S+) *$/i;
const BEARER_PREFIX_LENGTH = 7;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const NO_HASH = Buffer.alloc(32);

/** The credential meant for the platform: a bearer token or API key in `Authorization`, else the API key in `X-Api-Key`. */
function presentedCredential(headers: ScannedHeaders): string | undefined {
  return bearerToken(headers) ?? headers.apiKey;
}

/** What stands behind `Bearer` in `Authorization`. */
export function bearerToken({ authorization }: ScannedHeaders): string | undefined {
  if (authorization === undefined) return undefined;
  if (authorization.startsWith('Bearer ') && authorization.charCodeAt(BEARER_PREFIX_LENGTH) > 32) return authorization.slice(BEARER_PREFIX_LENGTH).trimEnd();
  return BEARER.exec(authorization)?.[1];
}

/** Decides who may invoke a tenant's functions, from access lists and token signatures alone. Credentials are never logged. */
export class Authenticator {
  private pending = 0;

  constructor(
    private readonly directory: AccessDirectory,
    private readonly verifier: GatewayTokenVerifier,
    private readonly internalTokens: InternalTokenVerifier,
    private readonly pendingLimit: number,
  ) {}

  /**
   * @param tenant whose function is asked for; undefined where there is no such function, and the only question is whether
   *   the caller may learn that.
   * @param method and @param target of the request, which internal tokens are bound to.
   */
  check(tenant: TenantEntry | undefined, headers: ScannedHeaders, method: string, target: string): Verdict | Promise<Verdict> {
    if (headers.internal !== undefined) return this.checkInternal(tenant, headers.internal, method, target);
    const credential = presentedCredential(headers);
    if (credential === undefined) return 'missing';
    if (tenant?.access?.verified.get(credential) === true) return 'allowed';
    const keyId = API_KEY.exec(credential)?.[1];
    if (keyId !== undefined) return this.checkKey(tenant, credential, keyId);
    return JWT.test(credential) ? this.checkToken(tenant, credential) : 'invalid';
  }

  private checkInternal(tenant: TenantEntry | undefined, token: string, method: string, target: string): Verdict {
    const claims = this.internalTokens.verify(token, method, target, Date.now());
    if (!claims) return 'invalid';
    if (tenant === undefined) return 'foreign';
    return claims.tenantId === tenant.tenantId ? 'allowed' : 'invalid';
  }

  private checkKey(tenant: TenantEntry | undefined, credential: string, keyId: string): Verdict {
    const access = this.directory.findByKeyId(keyId);
    const key = access?.keys.get(keyId);
    const matches = timingSafeEqual(createHash('sha256').update(credential).digest(), key?.hash ?? NO_HASH);
    if (!matches || !key || !access || key.expiresAt <= Date.now()) return 'invalid';
    if (access.tenantId !== tenant?.tenantId) return 'foreign';
    access.verified.set(credential, true, key.expiresAt);
    return 'allowed';
  }

  private checkToken(tenant: TenantEntry | undefined, token: string): Verdict | Promise<Verdict> {
    if (this.pending >= this.pendingLimit) return 'unavailable';
    this.pending++;
    return this.verifier.verify(token).then(
      ({ issuer, subject, expiresAt }): Verdict => {
        this.pending--;
        if (expiresAt <= Date.now()) return 'invalid';
        const access = tenant?.access;
        if (!access?.hasMember(issuer, subject)) return 'foreign';
        access.verified.set(token, true, expiresAt);
        return 'allowed';
      },
      (error: unknown): Verdict => {
        this.pending--;
        return error instanceof DomainError && error.kind === 'unavailable' ? 'unavailable' : 'invalid';
      },
    );
  }
}
