import { timingSafeEqual } from 'node:crypto';
import { INTERNAL_TOKEN_TTL_MS, INTERNAL_TOKEN_VERSION, mac, macKey, type InternalClaims } from './internal-token.js';

const CLOCK_SKEW_MS = 30_000;
const MAX_LENGTH = 2048;

/** The other side of `InternalTokenSigner`. Takes several secrets, so that one can be replaced without a gap. */
export class InternalTokenVerifier {
  private readonly keys: Buffer[];

  /** @throws {RangeError} for a secret of less than 32 characters. */
  constructor(...secrets: string[]) {
    this.keys = secrets.map(macKey);
  }

  /** The claims of a token that is genuine, unexpired and for exactly this method and target; undefined otherwise. */
  verify(token: string, method: string, target: string, now: number): InternalClaims | undefined {
    if (token.length > MAX_LENGTH) return undefined;
    const [version, payload, signature, ...rest] = token.split('.');
    if (version !== INTERNAL_TOKEN_VERSION || !payload || !signature || rest.length > 0) return undefined;
    const given = Buffer.from(signature, 'base64url');
    let genuine = false;
    for (const key of this.keys) {
      const expected = mac(key, payload, method, target);
      if (given.length === expected.length && timingSafeEqual(given, expected)) genuine = true;
    }
    if (!genuine) return undefined;
    // The payload is the signer's own from here on.
    const [tenantId, principal, expiresAt] = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as [string, string, number];
    if (expiresAt <= now || expiresAt > now + INTERNAL_TOKEN_TTL_MS + CLOCK_SKEW_MS) return undefined;
    return { tenantId, principal, expiresAt };
  }
}
