import { createPrivateKey, createPublicKey, generateKeyPairSync, randomUUID, type JsonWebKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { TrustedIssuer } from '../../src/platform/config/config.js';

const ISSUER = 'https://tests.fnplane.invalid';
const AUDIENCE = 'fnplane-tests';

/** In this variable the processes that share a platform find the key that it trusts, as a JWK. */
const SHARED_KEY = 'FNPLANE_TEST_SIGNING_KEY';

let keys: { privateKey: KeyObject; jwk: Record<string, unknown> } | undefined;

function signingKey(): { privateKey: KeyObject; jwk: Record<string, unknown> } {
  if (!keys) {
    const shared = process.env[SHARED_KEY];
    const privateKey = shared ? createPrivateKey({ key: JSON.parse(shared) as JsonWebKey, format: 'jwk' }) : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    keys = { privateKey, jwk: { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: 'tests', alg: 'ES256', use: 'sig' } };
  }
  return keys;
}

/** Processes that are started from now on mint tokens with this process's key. */
export function shareSigningKey(): void {
  process.env[SHARED_KEY] = JSON.stringify(signingKey().privateKey.export({ format: 'jwk' }));
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
