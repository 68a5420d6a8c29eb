import { Inject, Injectable } from '@nestjs/common';
import type { AccessList } from '../../contract/access-list.js';
import type { Config } from '../../platform/config/config.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { CONFIG } from '../../platform/tokens.js';
import { AccessService } from '../access/access.service.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import type { TenantFacts } from '../tenants/tenant-participants.js';
import type { AddressRange } from '../../platform/network/address-range.policy.js';
import { parseBlockedEgress } from './egress.policy.js';
import type { PlacementInput } from './manifests/placement-objects.js';
import { PlacementsService, type PlacementWithCluster } from './placements.service.js';

/** Gathers what a tenant's objects are made from. */
@Injectable()
export class PlacementInputs {
  private readonly blockedEgress: AddressRange[];

  /** @throws {ConfigurationError} for ranges that cannot be read. */
  constructor(
    private readonly database: Database,
    private readonly placements: PlacementsService,
    private readonly access: AccessService,
    private readonly quota: QuotaAdmission,
    @Inject(CONFIG) config: Config,
  ) {
    this.blockedEgress = parseBlockedEgress(config.FNPLANE_BLOCKED_EGRESS);
  }

  /** What is there and what it shall be made from, as of one moment. */
  gather(context: TenantContext, tenant: TenantFacts): Promise<{ placed: PlacementWithCluster[]; input: PlacementInput }> {
    return this.database.transaction(context, async () => ({ placed: await this.placements.withClusters(context), input: await this.read(context, tenant) }));
  }

  private async read(context: TenantContext, tenant: TenantFacts): Promise<PlacementInput> {
    const limits = await this.quota.effective(context);
    const invokers = await this.access.invokers(context);
    const perSecond = limits.invocationsPerSecond;
    // A second's worth at once: a burst is not held against a caller who stays below the rate on average.
    const accessList: AccessList = {
      tenantId: tenant.id, tenant: tenant.name, ...invokers, rateLimit: { perSecond, burst: perSecond },
      invocations: { concurrent: limits.concurrentInvocations, perMinute: limits.invocationsPerMinute }, ...(tenant.spendReached ? { spendLimitReached: true } : {}),
    };
    return { tenantId: tenant.id, limits, blockedEgress: this.blockedEgress, accessList };
  }
}
