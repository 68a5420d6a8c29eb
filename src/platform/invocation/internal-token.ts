import { createHmac } from 'node:crypto';

/** Header that carries the platform's own short-lived token from the api role to the gateway. */
export const INTERNAL_HEADER = 'x-fnplane-internal';

/** Who asks, for which tenant, until when. */
export interface InternalClaims {
  tenantId: string;
  /** `Principal.key` of whoever the API acts for. */
  principal: string;
  /** Epoch ms. */
  expiresAt: number;
}

/** Longest life of a token, whoever signed it. */
export const INTERNAL_TOKEN_TTL_MS = 60_000;

export const INTERNAL_TOKEN_VERSION = 'v1';
const MIN_SECRET_LENGTH = 32;

/** The key a secret gives. @throws {RangeError} for a secret of less than 32 characters. */
export function macKey(secret: string): Buffer {
  if (secret.length < MIN_SECRET_LENGTH) throw new RangeError(`the internal secret must have at least ${MIN_SECRET_LENGTH} characters`);
  return createHmac('sha256', secret).update('fnplane internal invocation token v1').digest();
}

export function mac(key: Buffer, payload: string, method: string, target: string): Buffer {
  return createHmac('sha256', key).update(`${INTERNAL_TOKEN_VERSION}\n${method}\n${target}\n${payload}`).digest();
}
