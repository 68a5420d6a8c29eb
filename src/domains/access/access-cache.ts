import { Injectable } from '@nestjs/common';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import type { Principal } from '../../platform/context/context.js';
import type { FoundTenant } from './store/access-lookup.repository.js';

/**
 * How long another process's change may go unnoticed, counted from when Postgres was asked; this process's own changes are noticed at
 * once. Below the 5 s that are promised, which a slow request must keep too.
 */
export const ACCESS_TTL_MS = 4_000;
/** An unknown key is asked for again soon: it may have been made a moment ago by another process. */
const UNKNOWN_KEY_TTL_MS = 500;
const ENTRIES = 20_000;

/**
 * What authentication knows without asking Postgres. Lookups under way are shared; one that began before a change is
 * answered but not kept, so that no old answer outlives the change that made it wrong.
 */
@Injectable()
export class AccessCache {
  private readonly keys = new BoundedCache<string, Principal>(ENTRIES, ACCESS_TTL_MS);
  private readonly unknownKeys = new BoundedCache<string, true>(ENTRIES, UNKNOWN_KEY_TTL_MS);
  private readonly tenants = new BoundedCache<string, FoundTenant>(ENTRIES, ACCESS_TTL_MS);
  private readonly underWay = new Map<string, Promise<unknown>>();
  private epoch = 0;

  /** @param hash of the key; keys themselves are not kept. */
  key(hash: string, find: () => Promise<{ principal: Principal; until?: number; tenant: FoundTenant } | null>): Promise<Principal | null> | Principal | null {
    const known = this.keys.get(hash);
    if (known) return known;
    if (this.unknownKeys.get(hash)) return null;
    return this.once(`key:${hash}`, find, (found, until) => {
      if (!found) this.unknownKeys.set(hash, true);
      else {
        this.keys.set(hash, found.principal, Math.min(until, found.until ?? until));
        // The same answer serves the tenant's resolution that follows: an API key's request costs one statement, not two.
        for (const reference of [found.tenant.id, found.tenant.name]) this.tenants.set(tenantEntry(found.principal.key, reference), found.tenant, until);
      }
    }).then((found) => found?.principal ?? null);
  }

  /** Tenants that are not found are not kept: a tenant or membership made a moment ago must be there for the next request. */
  tenant(principalKey: string, reference: string, find: () => Promise<FoundTenant | null>): Promise<FoundTenant | null> | FoundTenant {
    const entry = tenantEntry(principalKey, reference);
    return this.tenants.get(entry) ?? this.once(`tenant:${entry}`, find, (found, until) => {
      if (found) this.tenants.set(entry, found, until);
    });
  }

  /** After a change of a membership. */
  forgetMember(principalKey: string, tenant: { id: string; name: string }): void {
    this.begin();
    for (const reference of [tenant.id, tenant.name]) this.tenants.delete(tenantEntry(principalKey, reference));
  }

  /** After a key was revoked or rotated: by the hashes of its credentials. */
  forgetKey(hashes: readonly string[]): void {
    this.begin();
    for (const hash of hashes) this.keys.delete(hash);
  }

  clear(): void {
    this.begin();
    this.keys.clear();
    this.unknownKeys.clear();
    this.tenants.clear();
  }

  private begin(): void {
    this.epoch += 1;
    this.underWay.clear();
  }

  /** @param keep gets the epoch ms after which the answer may be too old. */
  private once<T>(name: string, find: () => Promise<T>, keep: (found: T, until: number) => void): Promise<T> {
    const present = this.underWay.get(name) as Promise<T> | undefined;
    if (present) return present;
    const epoch = this.epoch;
    const until = Date.now() + ACCESS_TTL_MS;
    const lookup = find().then((found) => {
      if (epoch === this.epoch) keep(found, until);
      return found;
    }).finally(() => {
      if (this.underWay.get(name) === lookup) this.underWay.delete(name);
    });
    this.underWay.set(name, lookup);
    return lookup;
  }
}

function tenantEntry(principalKey: string, reference: string): string {
  return `${reference}\n${principalKey}`;
}
