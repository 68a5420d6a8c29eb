import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { EventsModule } from '../events/events.module.js';
import { FunctionsModule } from '../functions/functions.module.js';
import { InvocationsModule } from '../invocations/invocations.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { WebhooksModule } from '../webhooks/webhooks.module.js';
import { AcceptInvocationsController } from './api/accept-invocations.controller.js';
import { AsyncInvocationsController } from './api/async-invocations.controller.js';
import { AsyncInvocationsResolver } from './api/async-invocations.resolver.js';
import { AsyncPoliciesController } from './api/async-policies.controller.js';
import { AsyncPoliciesResolver } from './api/async-policies.resolver.js';
import { AsyncEndings } from './async-endings.js';
import { AsyncInvocationsParticipant } from './async-invocations.participant.js';
import { AsyncInvocationsService } from './async-invocations.service.js';
import { AsyncPoliciesService } from './async-policies.service.js';
import { DueInvocations } from './due-invocations.js';
import { CleanAsyncInvocationsJob } from './jobs/clean-async-invocations.job.js';
import { RunAsyncInvocationJob } from './jobs/run-async-invocation.job.js';
import { QueueBound } from './queue-bound.js';
import { AsyncInvocationsRepository } from './store/async-invocations.repository.js';
import { AsyncPoliciesRepository } from './store/async-policies.repository.js';
import { AsyncRunsRepository } from './store/async-runs.repository.js';
import { DueInvocationsRepository } from './store/due-invocations.repository.js';

@Module({
  imports: [AuditModule, EventsModule, TenantsModule, WebhooksModule, FunctionsModule, InvocationsModule],
  controllers: [AcceptInvocationsController, AsyncInvocationsController, AsyncPoliciesController],
  providers: [
    AsyncInvocationsService, AsyncInvocationsParticipant, AsyncInvocationsRepository, AsyncRunsRepository, RunAsyncInvocationJob, CleanAsyncInvocationsJob, AsyncInvocationsResolver,
    AsyncPoliciesService, AsyncPoliciesRepository, AsyncPoliciesResolver, AsyncEndings, DueInvocations, DueInvocationsRepository,
    { provide: QueueBound, useFactory: (rows: AsyncInvocationsRepository) => new QueueBound(rows), inject: [AsyncInvocationsRepository] },
  ],
  exports: [AsyncInvocationsService, DueInvocations],
})
export class AsyncInvocationsModule {}
