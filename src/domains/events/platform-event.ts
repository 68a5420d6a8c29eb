import type { DirectedType, EventType } from './event-types.js';

/** What happened, as whoever did it tells it. */
export interface EventFacts {
  type: EventType;
  /** What it happened to, below the tenant: `functions/hello`. */
  subject: string;
  /** Names, numbers and closed words: nothing secret, nothing of another tenant, no text that a function wrote. */
  data: Record<string, unknown>;
}

/** For one webhook alone. */
export interface DirectedFacts extends Omit<EventFacts, 'type'> {
  type: DirectedType;
  /** UUID of the webhook. */
  recipient: string;
}

export interface PlatformEvent {
  tenantId: string;
  id: string;
  /** Grows from event to event of the tenant, in the order in which they came to be; there may be gaps. */
  sequence: number;
  at: Date;
  type: EventType | DirectedType;
  subject: string;
  data: Record<string, unknown>;
}

/** Which of a tenant's events one webhook gets. */
export interface EventAudience {
  recipient: string;
  /** Of the tenant's own events; null: all; empty: none, only what is meant for the recipient. */
  types: readonly string[] | null;
}

/** Where a feed of events is to go on: after the event of that id, or with the first one at or after a time. */
export type EventPosition = { event: string } | { time: Date };
