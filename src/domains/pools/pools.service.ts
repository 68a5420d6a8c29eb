import { Injectable } from '@nestjs/common';
import { POOL_RUNTIMES } from '../../contract/pool-resource.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { checkEtag, etagOf, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { boundsProblems, effectiveBounds, poolHolder, poolReservation, type PoolBounds } from './pool-bounds.policy.js';
import { poolsInvalid } from './pools.errors.js';
import { PoolStatusesRepository, type PoolOnCluster } from './store/pool-statuses.repository.js';
import { PoolsRepository } from './store/pools.repository.js';

/** A tenant's warm pools, whole. */
export interface Pools {
  tenantId: string;
  /** As the client sent them. */
  runtimes: PoolBounds[];
  /** In force, every runtime. */
  effective: PoolBounds[];
  /** What there is, by cluster. */
  clusters: PoolOnCluster[];
  etag: string;
  /** Null while nobody said anything. */
  updatedAt: Date | null;
}

/** How many pods of a tenant wait, ready, for functions that start. */
@Injectable()
export class PoolsService {
  constructor(
    private readonly database: Database,
    private readonly pools: PoolsRepository,
    private readonly statuses: PoolStatusesRepository,
    private readonly tenants: TenantsService,
    private readonly quotas: QuotaAdmission,
    private readonly audit: AuditService,
  ) {}

  async get(context: TenantContext): Promise<Pools> {
    const [row, tenant] = [await this.pools.find(context), await this.tenants.get(context)];
    return {
      clusters: row ? await this.statuses.list(context) : [],
      tenantId: context.tenantId, runtimes: row?.runtimes ?? [], effective: effectiveBounds(row?.runtimes ?? [], tenant.suspension),
      etag: etagOf({ id: context.tenantId, version: row?.version ?? 0 }), updatedAt: row?.updatedAt ?? null,
    };
  }

  /**
   * Replaces the bounds of all runtimes; the same again changes nothing. Room for all that may wait is reserved of the tenant's quota.
   * @throws {DomainError} POOLS_INVALID, QUOTA_EXCEEDED, ETAG_MISMATCH, TENANT_SUSPENDED, TENANT_DELETING.
   */
  async put(context: TenantContext, runtimes: readonly PoolBounds[], expected: ExpectedEtag): Promise<Pools> {
    const problems = boundsProblems(runtimes);
    if (problems.length > 0) throw poolsInvalid(problems);
    return this.database.transaction(context, async () => {
      const tenant = await this.tenants.requireWritable(context);
      // Reserved first: the quota's row is the lock behind which two changes of one tenant follow each other.
      for (const runtime of POOL_RUNTIMES) {
        await this.quotas.reserve(context, poolHolder(runtime), poolReservation(runtimes.find((one) => one.runtime === runtime) ?? { runtime, min: 0, max: 0 }));
      }
      const before = await this.pools.find(context);
      checkEtag(expected, { id: context.tenantId, version: before?.version ?? 0 });
      const stated = runtimes.map(({ runtime, min, max }) => ({ runtime, min, max }));
      if (JSON.stringify(stated) !== JSON.stringify(before?.runtimes ?? [])) {
        await this.pools.write(context, stated, (before?.version ?? 0) + 1, new Date());
        await this.audit.record(context, { action: 'pools.update', target: { kind: 'pools', id: tenant.id, name: tenant.name }, before: { runtimes: before?.runtimes ?? [] }, after: { runtimes: stated } });
        await this.tenants.requestReconcile(context);
      }
      return this.get(context);
    });
  }
}
