import { Module } from '@nestjs/common';
import { MeteringModule } from '../metering/metering.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { BillingController } from './api/billing.controller.js';
import { BillingResolver } from './api/billing.resolver.js';
import { BillingService } from './billing.service.js';
import { CheckSpendJob } from './jobs/check-spend.job.js';
import { SpendGauges } from './spend-gauges.js';
import { PricesRepository } from './store/prices.repository.js';
import { SpendingRepository } from './store/spending.repository.js';

@Module({ imports: [TenantsModule, MeteringModule], controllers: [BillingController], providers: [BillingService, PricesRepository, BillingResolver, CheckSpendJob, SpendGauges, SpendingRepository], exports: [BillingService, SpendGauges] })
export class BillingModule {}
