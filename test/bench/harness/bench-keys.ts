import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';

const ISSUER = 'https://bench.fnplane.invalid';
const AUDIENCE = 'fnplane-bench';

/** Keys that all processes of one run share. */
export class BenchKeys {
  readonly encryptionKey = `k1:${randomBytes(32).toString('base64')}`;
  readonly internalSecret = randomBytes(32).toString('base64url');
  readonly issuer: object;
  readonly #privateKey: KeyObject;

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    this.#privateKey = privateKey;
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
    this.issuer = { issuer: ISSUER, audience: AUDIENCE, jwks: { keys: [jwk] }, algorithms: ['ES256'], platformRolesClaim: 'roles' };
  }

  /** An operator's access token, good for the length of any run. */
  token(): Promise<string> {
    return new SignJWT({ roles: ['operator'] }).setProtectedHeader({ alg: 'ES256', kid: 'bench' })
      .setIssuer(ISSUER).setAudience(AUDIENCE).setSubject('bench').setIssuedAt().setExpirationTime('2h').sign(this.#privateKey);
  }
}
