import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { required, type Config } from '../../platform/config/config.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { CONFIG } from '../../platform/tokens.js';
import { POOL_RUNTIMES } from '../../contract/pool-resource.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantFacts, type TenantParticipant } from '../tenants/tenant-participants.js';
import { WarmPoolPlacer } from './cluster/warm-pool.placer.js';
import { buildWarmPool } from './manifests/warm-pool.js';
import { effectiveBounds, poolHolder } from './pool-bounds.policy.js';
import { PoolsRepository } from './store/pools.repository.js';

/** Warm pools' part in a tenant's life: after the walls of its namespace, which they live in; they go with it. */
@Injectable()
export class PoolsParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'pools';
  readonly order = 50;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly database: Database,
    private readonly pools: PoolsRepository,
    private readonly quotas: QuotaAdmission,
    private readonly placer: WarmPoolPlacer,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  /** A tenant that never asked for pods costs its cluster nothing. */
  async provision(context: TenantContext, tenant: TenantFacts): Promise<ParticipantResult> {
    const row = await this.pools.find(context);
    if (row) await this.placer.place(context, buildWarmPool(tenant, effectiveBounds(row.runtimes, tenant.suspension), required(this.config, 'FNPLANE_RUNTIME_IMAGES')));
    return PARTICIPANT_DONE;
  }

  /** The objects and their pods go with the namespace. */
  teardown(context: TenantContext): Promise<ParticipantResult> {
    return this.database.transaction(context, async () => {
      if (await this.pools.find(context)) {
        for (const runtime of POOL_RUNTIMES) await this.quotas.release(context, poolHolder(runtime));
        await this.pools.remove(context);
      }
      return PARTICIPANT_DONE;
    });
  }
}
