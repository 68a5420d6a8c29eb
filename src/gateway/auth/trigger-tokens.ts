import type { TriggerJwtSpec } from '../../contract/triggers.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import type { ScannedHeaders } from '../exchange/request-headers.policy.js';
import { bearerToken, type Verdict } from './authenticator.js';
import { meetsClaims } from './claims.policy.js';
import type { IssuerTokenVerifier } from './issuer-tokens.js';

/** Lets callers of a trigger in by tokens of the issuer that its tenant names. Of the platform such a token says nothing. */
export class TriggerTokens {
  constructor(private readonly verifier: IssuerTokenVerifier) {}

  async check(jwt: TriggerJwtSpec, headers: ScannedHeaders): Promise<Verdict> {
    const token = bearerToken(headers);
    if (token === undefined) return 'missing';
    try {
      return meetsClaims(await this.verifier.verify(token, jwt), jwt.claims) ? 'allowed' : 'insufficient';
    } catch (error) {
      return error instanceof DomainError && error.kind === 'unavailable' ? 'unavailable' : 'invalid';
    }
  }
}
