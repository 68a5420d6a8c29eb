import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { EventsService } from '../events/events.service.js';
import type { WebhookDeliveryEntity } from './store/webhook-delivery.entity.js';
import type { WebhookEntity } from './store/webhook.entity.js';
import { WebhookRunsRepository } from './store/webhook-runs.repository.js';
import { WebhookSecretsRepository } from './store/webhook-secrets.repository.js';
import { MOST_BACKLOG } from './webhook-states.js';

/** A webhook and how it stands. */
export interface Webhook extends WebhookEntity {
  lastDelivery: WebhookDeliveryEntity | undefined;
  /** Events that wait, counted up to 1,000. */
  backlog: number;
  secretNumber: number;
  /** Until when the secret before the present one signs too. */
  previousSecretUntil: Date | null;
}

/** Puts together what is told of webhooks. */
@Injectable()
export class WebhookViews {
  constructor(
    private readonly database: Database,
    private readonly runs: WebhookRunsRepository,
    private readonly secrets: WebhookSecretsRepository,
    private readonly events: EventsService,
  ) {}

  /** In the order of the rows. */
  of(context: TenantContext, rows: readonly WebhookEntity[]): Promise<Webhook[]> {
    return this.database.transaction(context, async () => {
      const ids = rows.map(({ id }) => id);
      const [last, facts] = [await this.runs.findLast(context, ids), await this.secrets.findFacts(context, ids)];
      const webhooks: Webhook[] = [];
      for (const row of rows) {
        const types = row.name === null ? [] : row.events;
        const backlog = await this.events.countAfter(context, { recipient: row.id, types }, Number(row.cursor), MOST_BACKLOG);
        const secret = facts.get(row.id);
        webhooks.push({ ...row, lastDelivery: last.get(row.id), backlog, secretNumber: secret?.number ?? 0, previousSecretUntil: secret?.previousUntil ?? null });
      }
      return webhooks;
    });
  }

  async one(context: TenantContext, row: WebhookEntity): Promise<Webhook> {
    return (await this.of(context, [row]))[0]!;
  }
}
