import { ACCESS_LIST_KEY, type AccessList } from '../../contract/access-list.js';
import { accessListName } from '../../contract/names.js';

/** The parts of a Secret that are read. */
export interface AccessListSecret {
  metadata: { name: string };
  data?: Record<string, string>;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isKey(value: unknown): boolean {
  return isObject(value) && typeof value.id === 'string' && typeof value.hash === 'string' && Buffer.from(value.hash, 'base64url').length === 32
    && (value.expiresAt === null || (typeof value.expiresAt === 'string' && !Number.isNaN(Date.parse(value.expiresAt))));
}

function isMember(value: unknown): boolean {
  return isObject(value) && typeof value.issuer === 'string' && typeof value.subject === 'string';
}

function isRate(value: unknown): boolean {
  return isObject(value) && typeof value.perSecond === 'number' && typeof value.burst === 'number' && value.perSecond >= 0 && value.burst >= 0;
}

function isInvocations(value: unknown): boolean {
  return value === undefined || (isObject(value) && typeof value.concurrent === 'number' && typeof value.perMinute === 'number' && value.concurrent >= 0 && value.perMinute >= 0);
}

/**
 * Reads a tenant's access list from its Secret; undefined when it is not well-formed or its name is not that of the tenant
 * it speaks for. The caller must then drop what it knew: nobody is let in on a list that cannot be read.
 */
export function readAccessList(secret: AccessListSecret): AccessList | undefined {
  const encoded = secret.data?.[ACCESS_LIST_KEY];
  if (encoded === undefined) return undefined;
  let list: unknown;
  try {
    list = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'));
  } catch {
    return undefined;
  }
  if (!isObject(list) || typeof list.tenantId !== 'string' || typeof list.tenant !== 'string') return undefined;
  if (!Array.isArray(list.keys) || !list.keys.every(isKey) || !Array.isArray(list.members) || !list.members.every(isMember) || !isRate(list.rateLimit)) return undefined;
  if (!isInvocations(list.invocations) || (list.spendLimitReached !== undefined && list.spendLimitReached !== true)) return undefined;
  return accessListName(list.tenantId) === secret.metadata.name ? (list as unknown as AccessList) : undefined;
}
