import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { InvocationsModule } from '../invocations/invocations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { AcceptInvocationsController } from './api/accept-invocations.controller.js';
import { AsyncInvocationsController } from './api/async-invocations.controller.js';
import { AsyncInvocationsResolver } from './api/async-invocations.resolver.js';
import { AsyncInvocationCleaning } from './async-invocation-cleaning.js';
import { AsyncInvocationsParticipant } from './async-invocations.participant.js';
import { AsyncInvocationsService } from './async-invocations.service.js';
import { DueInvocations } from './due-invocations.js';
import { CleanAsyncInvocationsJob } from './jobs/clean-async-invocations.job.js';
import { RunAsyncInvocationJob } from './jobs/run-async-invocation.job.js';
import { QueueBound } from './queue-bound.js';
import { AsyncInvocationsRepository } from './store/async-invocations.repository.js';
import { AsyncRunsRepository } from './store/async-runs.repository.js';
import { DueInvocationsRepository } from './store/due-invocations.repository.js';

@Module({
  imports: [AuditModule, TenantsModule, FunctionsModule, InvocationsModule],
  controllers: [AcceptInvocationsController, AsyncInvocationsController],
  providers: [
    AsyncInvocationsService, AsyncInvocationsParticipant, AsyncInvocationCleaning, AsyncInvocationsRepository, AsyncRunsRepository, RunAsyncInvocationJob, CleanAsyncInvocationsJob, AsyncInvocationsResolver, DueInvocations, DueInvocationsRepository,
    { provide: QueueBound, useFactory: (rows: AsyncInvocationsRepository) => new QueueBound(rows), inject: [AsyncInvocationsRepository] },
  ],
  exports: [AsyncInvocationsService, AsyncInvocationCleaning, DueInvocations],
})
export class AsyncInvocationsModule {}
