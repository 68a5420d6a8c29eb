import { jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { Strategy, type StrategyOptionsWithoutRequest } from 'passport-jwt';
import type { TrustedIssuer } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { unauthenticated } from './unauthenticated.js';

/** For `nbf` alone: an expired token has ended. */
const CLOCK_SKEW_SECONDS = 30;
const REQUIRED_CLAIMS = ['iss', 'aud', 'exp', 'sub'];

interface VerifierOptions {
  algorithms: string[];
  audience: string | string[];
  issuer: string;
}

/** @throws for a token that is not good, and what `keys` throws. jose looks at the algorithm first, then chooses a key that fits it, then checks the signature, then the claims. */
export async function verifyClaims(token: string, keys: JWTVerifyGetKey, options: VerifierOptions): Promise<JWTPayload> {
  const { algorithms, audience, issuer } = options;
  const { payload, protectedHeader } = await jwtVerify(token, keys, { algorithms, audience, issuer, requiredClaims: REQUIRED_CLAIMS, clockTolerance: CLOCK_SKEW_SECONDS });
  // No extension is understood here, so that none can change what was signed.
  if ('crit' in protectedHeader || 'b64' in protectedHeader) throw new Error('the token uses an extension');
  return payload;
}

/** In place of passport-jwt's own verifier, which knows no EdDSA and takes one key only. */
function verifyWithJose(token: string, keys: JWTVerifyGetKey, options: VerifierOptions, done: (error: unknown, claims?: JWTPayload) => void): void {
  verifyClaims(token, keys, options).then((claims) => done(null, claims), done);
}

// passport-jwt calls it as a static of the class: it cannot be given to one strategy.
Object.assign(Strategy, { JwtVerifier: verifyWithJose });

/** passport-jwt for one issuer: algorithms, audience and keys come from its settings and never from the token. */
export function buildStrategy(settings: TrustedIssuer, keys: JWTVerifyGetKey): Strategy {
  const options: StrategyOptionsWithoutRequest = {
    jwtFromRequest: (request: unknown) => (request as { token: string }).token,
    secretOrKeyProvider: (_request: unknown, _token: string, done) => done(null, keys as unknown as string),
    issuer: settings.issuer,
    audience: settings.audience,
    algorithms: settings.algorithms as StrategyOptionsWithoutRequest['algorithms'],
  };
  return new Strategy(options, (claims: unknown, done: (error: unknown, user: unknown) => void) => done(null, claims as object));
}

/** Runs a passport strategy without its HTTP middleware: the same check serves REST, GraphQL and the gateway. */
export function authenticate(strategy: Strategy, token: string): Promise<JWTPayload> {
  return new Promise((resolve, reject) => {
    const refuse = (problem: unknown): void => reject(problem instanceof DomainError ? problem : unauthenticated(problem));
    const run = Object.assign(Object.create(strategy) as Strategy, { success: (claims: unknown) => resolve(claims as JWTPayload), fail: refuse, error: refuse });
    run.authenticate({ token } as never, {});
  });
}
