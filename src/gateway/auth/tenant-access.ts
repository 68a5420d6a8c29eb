import type { AccessList } from '../../contract/access-list.js';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';

export interface AccessKey {
  /** SHA-256 of the whole key. */
  hash: Buffer;
  /** Epoch ms; `Infinity` for keys that do not expire. */
  expiresAt: number;
}

/** How long a verified credential is believed without another look: the bound on noticing a revoked signing key. */
const VERIFIED_TTL_MS = 60_000;

export function memberKey(issuer: string, subject: string): string {
  return `${issuer}\n${subject}`;
}

/**
 * One version of a tenant's access list, made ready for lookups. A new version is a new object, so that what was verified
 * under the old one is forgotten at once.
 */
export class TenantAccess {
  readonly tenantId: string;
  readonly keys = new Map<string, AccessKey>();
  readonly spendLimitReached: boolean;
  /** Credentials, as presented, that were found good for this tenant. In memory only; never written anywhere. */
  readonly verified: BoundedCache<string, true>;
  private readonly members = new Set<string>();

  constructor(list: AccessList, verifiedLimit: number) {
    this.tenantId = list.tenantId;
    this.spendLimitReached = list.spendLimitReached ?? false;
    this.verified = new BoundedCache(verifiedLimit, VERIFIED_TTL_MS);
    for (const key of list.keys) {
      this.keys.set(key.id, { hash: Buffer.from(key.hash, 'base64url'), expiresAt: key.expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(key.expiresAt) });
    }
    for (const member of list.members) this.members.add(memberKey(member.issuer, member.subject));
  }

  hasMember(issuer: string, subject: string): boolean {
    return this.members.has(memberKey(issuer, subject));
  }
}
