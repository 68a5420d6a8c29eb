import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { IssuerKeys } from './issuer-keys.js';

/** Keys that stand in the configuration. */
export class StaticKeys implements IssuerKeys {
  readonly version = 1;
  readonly find: JWTVerifyGetKey;

  constructor(set: { keys: readonly Record<string, unknown>[] }) {
    this.find = createLocalJWKSet(set as unknown as JSONWebKeySet);
  }

  refresh(): undefined {
    return undefined;
  }
}
