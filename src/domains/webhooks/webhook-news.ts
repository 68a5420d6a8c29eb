import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { EventListeners, type EventListener } from '../events/event-listeners.js';
import type { DirectedFacts, EventFacts } from '../events/platform-event.js';
import { WebhooksRepository } from './store/webhooks.repository.js';

/** Asks for the work of the webhooks that get an event, in the transaction that writes it. */
@Injectable()
export class WebhookNews implements EventListener, OnModuleInit {
  constructor(
    private readonly listeners: EventListeners,
    private readonly webhooks: WebhooksRepository,
  ) {}

  onModuleInit(): void {
    this.listeners.register(this);
  }

  async recorded(context: TenantContext, event: EventFacts | DirectedFacts): Promise<void> {
    await this.webhooks.wake(context, event.type, 'recipient' in event ? event.recipient : undefined);
  }
}
