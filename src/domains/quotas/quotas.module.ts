import { Global, Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { PlansController } from './api/plans.controller.js';
import { PlansResolver } from './api/plans.resolver.js';
import { QuotasController } from './api/quotas.controller.js';
import { QuotasResolver } from './api/quotas.resolver.js';
import { PlansService } from './plans.service.js';
import { QuotaParticipant } from './quota-participant.js';
import { QuotaReservations } from './quota-reservations.js';
import { QuotasService } from './quotas.service.js';
import { SpendLimits } from './spend-limits.js';
import { PlansRepository } from './store/plans.repository.js';
import { QuotasRepository } from './store/quotas.repository.js';

/** Global, because domains left of it ask for admission through the abstract `QuotaAdmission` only. */
@Global()
@Module({
  imports: [AuditModule, TenantsModule],
  controllers: [QuotasController, PlansController],
  providers: [
    QuotasService, PlansService, QuotasRepository, PlansRepository, QuotaParticipant, SpendLimits, QuotasResolver, PlansResolver,
    QuotaReservations, { provide: QuotaAdmission, useExisting: QuotaReservations },
  ],
  exports: [QuotaAdmission, QuotasService, PlansService, SpendLimits],
})
export class QuotasModule {}
