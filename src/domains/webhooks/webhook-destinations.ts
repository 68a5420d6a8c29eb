import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { EventsService } from '../events/events.service.js';
import type { DirectedType } from '../events/event-types.js';
import type { WebhookEntity } from './store/webhook.entity.js';
import { WebhooksRepository } from './store/webhooks.repository.js';
import { WebhookChanges } from './webhook-changes.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookSender } from './webhook-sender.js';
import type { DestinationOutcome } from './webhook-states.js';
import { WebhookViews, type Webhook } from './webhook-views.js';
import { WELL } from './webhooks.service.js';

/** Addresses that are told how a function's asynchronous invocations end: webhooks that get nothing but that, one for each outcome. */
@Injectable()
export class WebhookDestinations {
  constructor(
    private readonly rows: WebhooksRepository,
    private readonly views: WebhookViews,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
    private readonly events: EventsService,
    private readonly changes: WebhookChanges,
  ) {}

  /** @throws {DomainError} OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED. */
  demandUrl(url: string): void {
    this.sender.demandUrl(url);
  }

  /**
   * Makes it, gives it another address (it keeps its secret), or takes one up again that the platform had given up. Be in a transaction and in the envelope's turn, and hold the function's lock.
   * @returns the secret of one that was made: this is the only time it can be seen.
   */
  async put(context: TenantContext, functionId: string, outcome: DestinationOutcome, url: string): Promise<string | undefined> {
    const found = await this.rows.findDestination(context, functionId, outcome);
    if (found) {
      if (found.url !== url || found.ended !== null) await this.rows.update(context, found.id, { url, ...WELL, version: found.version + 1, updatedAt: new Date() });
      await this.changes.wake(context, found.id);
      return undefined;
    }
    const now = new Date();
    const made = await this.rows.add(context, {
      tenantId: context.tenantId, id: randomUUID(), name: null, functionId, outcome, url, events: null, disabled: false, ...WELL, cursor: String(await this.events.lastSequence(context)), deliveries: '0',
      version: 1, createdAt: now, updatedAt: now,
    });
    return this.secrets.add(context, made.id, 1);
  }

  /** What waits for it goes with it. */
  async remove(context: TenantContext, functionId: string, outcome: DestinationOutcome): Promise<void> {
    const found = await this.rows.findDestination(context, functionId, outcome);
    if (found) await this.rows.remove(context, found.id);
  }

  /** How those of a function stand. */
  async statusOf(context: TenantContext, functionId: string): Promise<Partial<Record<DestinationOutcome, Webhook>>> {
    const rows: WebhookEntity[] = await this.rows.findDestinations(context, functionId);
    return Object.fromEntries((await this.views.of(context, rows)).map((webhook) => [webhook.outcome, webhook]));
  }

  /** Joins the open transaction. @returns the id of the event that tells of it, or undefined where there is no such destination. */
  async tell(context: TenantContext, functionId: string, outcome: DestinationOutcome, event: { type: DirectedType; subject: string; data: Record<string, unknown> }): Promise<string | undefined> {
    const found = await this.rows.findDestination(context, functionId, outcome);
    return found && this.events.record(context, { ...event, recipient: found.id });
  }
}
