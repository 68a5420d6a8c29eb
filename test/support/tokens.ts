import { generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { TrustedIssuer } from '../../src/platform/config/config.js';

const ISSUER = 'https://tests.fnplane.invalid';
const AUDIENCE = 'fnplane-tests';

let keys: { privateKey: KeyObject; jwk: Record<string, unknown> } | undefined;

function signingKey(): { privateKey: KeyObject; jwk: Record<string, unknown> } {
  if (!keys) {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    keys = { privateKey: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid: 'tests', alg: 'ES256', use: 'sig' } };
  }
  return keys;
}

/** The issuer a test process mints tokens of, as the server's configuration names it. */
export function testIssuer(): TrustedIssuer {
  return { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [signingKey().jwk] }, algorithms: ['ES256'], platformRolesClaim: 'roles', emailClaim: 'email' };
}

export interface TokenOptions {
  subject?: string;
  roles?: string[];
  /** Verified, unless `emailVerified` says otherwise. */
  email?: string;
  emailVerified?: boolean;
  expiresIn?: string;
}

/** A signed access token; a new subject each time unless one is given. */
export async function mintToken(options: TokenOptions = {}): Promise<string> {
  return new SignJWT({ ...(options.roles ? { roles: options.roles } : {}), ...(options.email ? { email: options.email, email_verified: options.emailVerified ?? true } : {}) })
    .setProtectedHeader({ alg: 'ES256', kid: 'tests' })
    .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject(options.subject ?? `user-${randomUUID()}`)
    .setIssuedAt().setExpirationTime(options.expiresIn ?? '1h')
    .sign(signingKey().privateKey);
}
