import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { eventNotFound } from './events.errors.js';
import type { DirectedFacts, EventAudience, EventFacts, EventPosition, PlatformEvent } from './platform-event.js';
import { EventsRepository, type EventFilter } from './store/events.repository.js';

/** What happened in a tenant: written in the transaction that makes it happen. */
@Injectable()
export class EventsService {
  constructor(
    private readonly database: Database,
    private readonly events: EventsRepository,
  ) {}

  /** Joins the open transaction; the row is written as the last of it. For transitions alone, never for what is as it was. @returns its id. */
  record(context: TenantContext, event: EventFacts | DirectedFacts): Promise<string> {
    const id = randomUUID();
    return this.database.transaction(context, () => {
      this.database.beforeCommit(() => this.events.append(context, id, event));
      return Promise.resolve(id);
    });
  }

  /** @throws {DomainError} EVENT_NOT_FOUND. */
  async get(context: TenantContext, id: string): Promise<PlatformEvent> {
    const found = await this.events.find(context, id);
    if (!found) throw eventNotFound();
    return found;
  }

  /** In the order of their sequence, oldest first; without those that are meant for one webhook. */
  list(context: TenantContext, request: PageRequest, filter: EventFilter = {}): Promise<Page<PlatformEvent>> {
    return this.events.findPage(context, request, filter);
  }

  /** The newest of the types on a subject, written by now. */
  findLast(context: TenantContext, subject: string, types: readonly string[]): Promise<PlatformEvent | null> {
    return this.events.findLast(context, subject, types);
  }

  /** Those of an audience after a sequence, in their order, and the sequence up to which that is all there is. */
  async after(context: TenantContext, audience: EventAudience, sequence: number, limit: number): Promise<{ events: PlatformEvent[]; upTo: number }> {
    return this.database.transaction(context, async () => {
      // Asked first: what comes in between is seen the next time.
      const last = await this.events.lastSequence(context);
      const events = await this.events.findAfter(context, audience, sequence, limit);
      return { events, upTo: events.length < limit ? Math.max(last, sequence, events.at(-1)?.sequence ?? 0) : events.at(-1)!.sequence };
    });
  }

  /** How many of an audience come after a sequence, counted up to `most`. */
  countAfter(context: TenantContext, audience: EventAudience, sequence: number, most: number): Promise<number> {
    return this.events.countAfter(context, audience, sequence, most);
  }

  /** 0 before the first event. */
  lastSequence(context: TenantContext): Promise<number> {
    return this.events.lastSequence(context);
  }

  /** The sequence right before a position. @throws {DomainError} EVENT_NOT_FOUND for an event that is not (or no longer) there. */
  async sequenceBefore(context: TenantContext, position: EventPosition): Promise<number> {
    if ('event' in position) return (await this.get(context, position.event)).sequence - 1;
    return this.events.sequenceBefore(context, position.time);
  }

  /** With the tenant. @returns how many were removed: less than `limit` where no more are left. */
  removeSome(context: TenantContext, limit: number): Promise<number> {
    return this.events.removeSome(context, limit);
  }
}
