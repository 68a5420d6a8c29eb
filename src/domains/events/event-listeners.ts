import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import type { DirectedFacts, EventFacts } from './platform-event.js';

/** A domain further right that must do something about events. */
export interface EventListener {
  /** In the transaction that writes the event, as the last of it: ask for the work that must follow. */
  recorded(context: TenantContext, event: EventFacts | DirectedFacts): Promise<void>;
}

/** Turned round, so that `events` knows none of them: each registers itself when its module starts. */
@Injectable()
export class EventListeners {
  private readonly list: EventListener[] = [];

  register(listener: EventListener): void {
    this.list.push(listener);
  }

  async recorded(context: TenantContext, event: EventFacts | DirectedFacts): Promise<void> {
    for (const listener of this.list) await listener.recorded(context, event);
  }
}
