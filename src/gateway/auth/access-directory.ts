import type { AccessList } from '../../contract/access-list.js';
import { TenantLimits } from '../limits/tenant-limits.js';
import { TenantAccess } from './tenant-access.js';

/** What the gateway holds of a tenant: lives as long as the process, while the access list in it comes, changes and goes. */
export interface TenantEntry {
  readonly tenantId: string;
  access: TenantAccess | undefined;
  readonly limits: TenantLimits;
}

export interface AccessDirectoryOptions {
  verifiedCredentialsPerTenant: number;
  defaultRate: { perSecond: number; burst: number };
  gateways: number;
}

/** Access lists of all tenants, by tenant and by key id. All operations are O(size of the one list). */
export class AccessDirectory {
  private readonly tenants = new Map<string, TenantEntry>();
  private readonly byKeyId = new Map<string, TenantAccess>();

  constructor(private readonly options: AccessDirectoryOptions) {}

  /** How many gateways share what tenants and triggers are held to. */
  get gateways(): number {
    return this.options.gateways;
  }

  /** The tenant's entry, made on first mention. */
  tenant(tenantId: string): TenantEntry {
    let entry = this.tenants.get(tenantId);
    if (!entry) {
      entry = { tenantId, access: undefined, limits: new TenantLimits({ rateLimit: this.options.defaultRate }, this.options.gateways, performance.now()) };
      this.tenants.set(tenantId, entry);
    }
    return entry;
  }

  upsert(list: AccessList): void {
    const entry = this.tenant(list.tenantId);
    this.forgetKeys(entry);
    const access = new TenantAccess(list, this.options.verifiedCredentialsPerTenant);
    entry.access = access;
    entry.limits.configure(list);
    for (const id of access.keys.keys()) this.byKeyId.set(id, access);
  }

  remove(tenantId: string): void {
    const entry = this.tenants.get(tenantId);
    if (!entry) return;
    this.forgetKeys(entry);
    entry.access = undefined;
    entry.limits.configure({ rateLimit: this.options.defaultRate });
  }

  /** The access list that holds a key of this id, whichever tenant it belongs to. */
  findByKeyId(keyId: string): TenantAccess | undefined {
    return this.byKeyId.get(keyId);
  }

  private forgetKeys(entry: TenantEntry): void {
    if (!entry.access) return;
    for (const id of entry.access.keys.keys()) {
      if (this.byKeyId.get(id) === entry.access) this.byKeyId.delete(id);
    }
  }
}
