import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { partLogger } from '../../platform/observability/logger.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantFacts, type TenantParticipant } from '../tenants/tenant-participants.js';
import { QuotasService } from './quotas.service.js';
import { SpendLimits } from './spend-limits.js';
import { QuotasRepository } from './store/quotas.repository.js';

const log = partLogger('quotas');

/**
 * The quota's part in a tenant's life. Its order is below every domain that reserves: the row is there before the first
 * of them asks, and reservations go after the last of them has taken its things away.
 */
@Injectable()
export class QuotaParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'quotas';
  readonly order = 15;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly quotas: QuotasRepository,
    private readonly service: QuotasService,
    private readonly spend: SpendLimits,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  created(context: TenantContext): Promise<void> {
    return this.quotas.add(context);
  }

  /** A smaller plan than what is in use is accepted: it refuses growth, and whoever runs the platform hears of it. */
  async changed(context: TenantContext, tenant: TenantFacts): Promise<void> {
    const { overQuota } = await this.service.get(context);
    // Another plan may have another limit and other prices, another time zone another month.
    await this.spend.changed(context);
    if (overQuota.length > 0) log.info({ tenant: tenant.name, plan: tenant.plan, overQuota }, 'a tenant uses more than its quota allows');
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    await this.quotas.clear(context);
    return PARTICIPANT_DONE;
  }
}
