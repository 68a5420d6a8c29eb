import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ClustersModule } from '../clusters/clusters.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { PoolsController } from './api/pools.controller.js';
import { PoolsResolver } from './api/pools.resolver.js';
import { WarmPoolPlacer } from './cluster/warm-pool.placer.js';
import { WarmPoolWatch } from './cluster/warm-pool.watch.js';
import { PoolsParticipant } from './pools.participant.js';
import { PoolsService } from './pools.service.js';
import { PoolStatusesRepository } from './store/pool-statuses.repository.js';
import { PoolsRepository } from './store/pools.repository.js';

/** Needs a global `QuotaAdmission` (the quotas module provides it). */
@Module({
  imports: [AuditModule, TenantsModule, ClustersModule],
  controllers: [PoolsController],
  providers: [PoolsService, PoolsRepository, PoolsParticipant, PoolsResolver, PoolStatusesRepository, WarmPoolPlacer, WarmPoolWatch],
  exports: [PoolsService],
})
export class PoolsModule {}
