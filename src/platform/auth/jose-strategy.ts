import { jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { Strategy, type StrategyOptionsWithoutRequest } from 'passport-jwt';
import type { TrustedIssuer } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { unauthenticated } from './unauthenticated.js';

/** For `nbf` alone: an expired token has ended. */
const CLOCK_SKEW_SECONDS = 30;

interface VerifierOptions {
  algorithms: string[];
  audience: string;
  issuer: string;
}

/**
 * In place of passport-jwt's own verifier, which knows no EdDSA and takes one key only: jose looks at the algorithm first,
 * then chooses a key that fits it, then checks the signature, then the claims.
 */
function verifyWithJose(token: string, keys: JWTVerifyGetKey, options: VerifierOptions, done: (error: unknown, claims?: JWTPayload) => void): void {
  const { algorithms, audience, issuer } = options;
  jwtVerify(token, keys, { algorithms, audience, issuer, requiredClaims: ['iss', 'aud', 'exp', 'sub'], clockTolerance: CLOCK_SKEW_SECONDS }).then(({ payload, protectedHeader }) => {
    // No extension is understood here, so that none can change what was signed.
    if ('crit' in protectedHeader || 'b64' in protectedHeader) done(new Error('the token uses an extension'));
    else done(null, payload);
  }, done);
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
