import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module.js';
import { ConfigurationModule } from '../configuration/configuration.module.js';
import { EventsModule } from '../events/events.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { TenantWebhooksResolver } from './api/tenant-webhooks.resolver.js';
import { WebhooksController } from './api/webhooks.controller.js';
import { WebhooksResolver } from './api/webhooks.resolver.js';
import { DeliverWebhookJob } from './jobs/deliver-webhook.job.js';
import { WebhookRunsRepository } from './store/webhook-runs.repository.js';
import { WebhookSecretsRepository } from './store/webhook-secrets.repository.js';
import { WebhooksRepository } from './store/webhooks.repository.js';
import { WebhookChanges } from './webhook-changes.js';
import { WebhookDeliveriesService } from './webhook-deliveries.service.js';
import { WebhookDestinations } from './webhook-destinations.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookViews } from './webhook-views.js';
import { WebhooksParticipant } from './webhooks.participant.js';
import { WebhooksService } from './webhooks.service.js';

@Module({
  imports: [AuditModule, ConfigurationModule, EventsModule, TenantsModule],
  controllers: [WebhooksController],
  providers: [
    WebhooksService, WebhookDeliveriesService, WebhookDestinations, WebhookChanges, WebhookSecrets, WebhookSender, WebhookViews, WebhooksParticipant,
    WebhooksRepository, WebhookSecretsRepository, WebhookRunsRepository, DeliverWebhookJob, WebhooksResolver, TenantWebhooksResolver,
  ],
  exports: [WebhookDestinations],
})
export class WebhooksModule {}
