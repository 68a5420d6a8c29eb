import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import type { WebhookDeliveryEntity } from './store/webhook-delivery.entity.js';
import { WebhookRunsRepository } from './store/webhook-runs.repository.js';
import { WebhooksRepository } from './store/webhooks.repository.js';
import { webhookNotFound } from './webhooks.errors.js';

/** The last tries of a webhook. */
@Injectable()
export class WebhookDeliveriesService {
  constructor(
    private readonly database: Database,
    private readonly webhooks: WebhooksRepository,
    private readonly runs: WebhookRunsRepository,
  ) {}

  /** Newest first, of the last 100. @throws {DomainError} WEBHOOK_NOT_FOUND. */
  list(context: TenantContext, reference: string, request: PageRequest): Promise<Page<WebhookDeliveryEntity>> {
    return this.database.transaction(context, async () => {
      const found = await this.webhooks.find(context, reference);
      if (!found) throw webhookNotFound();
      return this.runs.findPage(context, found.id, request);
    });
  }
}
