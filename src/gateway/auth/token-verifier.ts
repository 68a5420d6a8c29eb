/** Verifies a bearer token; `platform/auth` has the implementation, with the configured issuers. */
export interface GatewayTokenVerifier {
  /**
   * @returns the token's issuer and subject, and the epoch ms after which it must not be believed.
   * @throws for every token that is not good; a `DomainError` of kind `unavailable` when that cannot be told now.
   */
  verify(token: string): Promise<{ issuer: string; subject: string; expiresAt: number }>;
}
