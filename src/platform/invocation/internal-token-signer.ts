import { INTERNAL_TOKEN_VERSION, mac, macKey, type InternalClaims } from './internal-token.js';

/** Signs tokens that are good for one method and one request target (path and query as sent to the gateway). */
export class InternalTokenSigner {
  private readonly key: Buffer;

  /** @throws {RangeError} for a secret of less than 32 characters. */
  constructor(secret: string) {
    this.key = macKey(secret);
  }

  sign(claims: InternalClaims, method: string, target: string): string {
    const payload = Buffer.from(JSON.stringify([claims.tenantId, claims.principal, claims.expiresAt])).toString('base64url');
    return `${INTERNAL_TOKEN_VERSION}.${payload}.${mac(this.key, payload, method, target).toString('base64url')}`;
  }
}
