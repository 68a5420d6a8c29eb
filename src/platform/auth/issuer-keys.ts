import type { JWTVerifyGetKey } from 'jose';

/** The keys one issuer signs with. */
export interface IssuerKeys {
  /** Another number once the set of keys is another: what was verified under the old one must be verified again. */
  readonly version: number;
  /**
   * To be called before the keys are believed. Undefined in the common case that they are young enough; otherwise resolves
   * when they have been read again or cannot be: it never rejects.
   */
  refresh(): Promise<void> | undefined;
  /** Chooses by the token's `kid` among the issuer's own keys, those whose type, `alg` and `use` fit. @throws where there is none. */
  readonly find: JWTVerifyGetKey;
}
