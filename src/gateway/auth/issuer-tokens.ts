import type { TriggerJwtSpec } from '../../contract/triggers.js';

/** Verifies tokens of issuers that tenants name; `platform/auth` has the implementation. */
export interface IssuerTokenVerifier {
  /**
   * @returns the claims of a token that is good at this moment.
   * @throws for every token that is not good; a `DomainError` of kind `unavailable` when that cannot be told now.
   */
  verify(token: string, expected: Pick<TriggerJwtSpec, 'issuer' | 'audiences' | 'jwksUri'>): Promise<Readonly<Record<string, unknown>>>;
}
