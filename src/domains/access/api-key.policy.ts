import { createHash, randomBytes } from 'node:crypto';
import { API_KEY, type AccessList } from '../../contract/access-list.js';
import { TENANT_ROLE_PERMISSIONS, type Permission, type TenantRole } from '../../platform/auth/permissions.js';

/** A new key and what is kept of it. */
export interface MintedKey {
  /** Shown once to who asked for it, kept nowhere. */
  key: string;
  prefix: string;
  hash: string;
}

/** `fnp_<48 random bits, public>_<256 random bits>`. */
export function mintApiKey(): MintedKey {
  const prefix = randomBytes(6).toString('hex');
  const key = `fnp_${prefix}_${randomBytes(32).toString('base64url')}`;
  return { key, prefix, hash: hashApiKey(key) };
}

/** base64url SHA-256 of the whole key: what Postgres and the access lists hold. */
export function hashApiKey(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

/** The public part of a key; undefined for what does not look like one. */
export function apiKeyPrefix(key: string): string | undefined {
  return API_KEY.exec(key)?.[1];
}

/** What a key may do: its role, narrowed by its scopes where it has any. In the order of the role's own list. */
export function keyPermissions(role: TenantRole, scopes: readonly Permission[] | null): readonly Permission[] {
  const held = TENANT_ROLE_PERMISSIONS[role];
  return scopes ? held.filter((permission) => scopes.includes(permission)) : held;
}

/** Places in the list of those scopes that the role does not have. */
export function scopesOutside(role: TenantRole, scopes: readonly Permission[]): number[] {
  return scopes.flatMap((scope, index) => (TENANT_ROLE_PERMISSIONS[role].includes(scope) ? [] : [index]));
}

/** What of a key's row its credentials are told by. */
export interface KeyCredentials {
  prefix: string;
  hash: string;
  expiresAt: Date | null;
  previousPrefix: string | null;
  previousHash: string | null;
  previousUntil: Date | null;
}

/**
 * The credentials of a key with the time each ends: the present one, and the one before it where it was rotated with an
 * overlap. Those that have ended are among them: who reads them knows the time better.
 */
export function credentialsOf(key: KeyCredentials): AccessList['keys'] {
  const present = { id: key.prefix, hash: key.hash, expiresAt: key.expiresAt?.toISOString() ?? null };
  if (key.previousPrefix === null || key.previousHash === null || key.previousUntil === null) return [present];
  return [present, { id: key.previousPrefix, hash: key.previousHash, expiresAt: key.previousUntil.toISOString() }];
}

/** A key's credentials after a rotation: the one that was present works on for `overlapSeconds`, never beyond the key's own end; the one before that is gone. */
export function rotateCredentials(key: KeyCredentials, minted: Omit<MintedKey, 'key'>, now: Date, overlapSeconds: number): KeyCredentials {
  const next = { prefix: minted.prefix, hash: minted.hash, expiresAt: key.expiresAt };
  if (overlapSeconds === 0) return { ...next, previousPrefix: null, previousHash: null, previousUntil: null };
  const until = Math.min(now.getTime() + overlapSeconds * 1_000, key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
  return { ...next, previousPrefix: key.prefix, previousHash: key.hash, previousUntil: new Date(until) };
}
