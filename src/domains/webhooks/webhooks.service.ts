import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import type { EventType } from '../events/event-types.js';
import { EventsService } from '../events/events.service.js';
import type { WebhookEntity } from './store/webhook.entity.js';
import { WebhooksRepository } from './store/webhooks.repository.js';
import { WebhookChanges } from './webhook-changes.js';
import { WebhookSecrets } from './webhook-secrets.js';
import { WebhookSender } from './webhook-sender.js';
import { DEFAULT_OVERLAP_SECONDS, MOST_WEBHOOKS } from './webhook-states.js';
import { WebhookViews, type Webhook } from './webhook-views.js';
import { replayInvalid, tooManyWebhooks, webhookDisabled, webhookNameTaken, webhookNotFound } from './webhooks.errors.js';

export interface WebhookBody {
  name: string;
  url: string;
  /** Null: all. */
  events: EventType[] | null;
  disabled: boolean;
}

export type WebhookPatch = Partial<Omit<WebhookBody, 'name'>>;

/** A webhook with a secret that was just made. */
export interface CreatedWebhook {
  webhook: Webhook;
  /** The secret itself: this is the only time it can be seen. */
  secret: string;
}

export interface ReplayFrom {
  fromEvent?: string | undefined;
  fromTime?: Date | undefined;
}

/** As one is that has never failed. */
export const WELL = { ended: null, endedAt: null, failures: 0, failingSince: null, nextAttemptAt: null } as const;

/** Addresses that a tenant wants to be told at: what their owners see and do. */
@Injectable()
export class WebhooksService {
  constructor(
    private readonly database: Database,
    private readonly rows: WebhooksRepository,
    private readonly views: WebhookViews,
    private readonly secrets: WebhookSecrets,
    private readonly envelope: Envelope,
    private readonly sender: WebhookSender,
    private readonly events: EventsService,
    private readonly changes: WebhookChanges,
  ) {}

  /** By name or id. @throws {DomainError} WEBHOOK_NOT_FOUND. */
  async get(context: TenantContext, reference: string): Promise<Webhook> {
    const found = await this.rows.find(context, reference);
    if (!found) throw webhookNotFound();
    return this.views.one(context, found);
  }

  async list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<Webhook>> {
    const { items, nextCursor } = await this.rows.findPage(context, request, name);
    return { items: await this.views.of(context, items), nextCursor };
  }

  /** It is told of what happens from now on. @throws {DomainError} OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED, WEBHOOK_NAME_TAKEN, TOO_MANY_WEBHOOKS. */
  async create(context: TenantContext, body: WebhookBody): Promise<CreatedWebhook> {
    this.sender.demandUrl(body.url);
    try {
      return await this.envelope.inTurn(() => this.database.transaction(context, async () => {
        await this.changes.begin(context);
        if ((await this.rows.countLocked(context)) >= MOST_WEBHOOKS) throw tooManyWebhooks(MOST_WEBHOOKS);
        if (await this.rows.find(context, body.name)) throw webhookNameTaken(body.name);
        const now = new Date();
        const row = await this.rows.add(context, {
          tenantId: context.tenantId, id: randomUUID(), functionId: null, outcome: null, ...body, ...WELL, cursor: String(await this.events.lastSequence(context)), deliveries: '0', version: 1, createdAt: now, updatedAt: now,
        });
        const secret = await this.secrets.add(context, row.id, 1);
        await this.changes.record(context, 'webhook.create', row, { after: body });
        return { webhook: await this.views.one(context, row), secret };
      }));
    } catch (error) {
      if (isUniqueViolation(error, 'webhook_name')) throw webhookNameTaken(body.name);
      throw error;
    }
  }

  /**
   * Changes what is given. Another address, or one that is no longer disabled, is tried at once, and what waited meanwhile is sent.
   * @throws {DomainError} WEBHOOK_NOT_FOUND, ETAG_MISMATCH, OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED.
   */
  patch(context: TenantContext, reference: string, patch: WebhookPatch, expected: ExpectedEtag): Promise<Webhook> {
    if (patch.url !== undefined) this.sender.demandUrl(patch.url);
    return this.changing(context, reference, expected, async (row) => {
      const [before, after] = [wordsOf(row), wordsOf({ ...row, ...patch })];
      if (JSON.stringify(before) === JSON.stringify(after)) return row;
      const anew = after.url !== before.url || (before.disabled && !after.disabled);
      const changed = await this.write(context, row, { ...after, ...(anew ? WELL : {}) });
      await this.changes.record(context, 'webhook.update', row, { before, after });
      if (!after.disabled) await this.changes.wake(context, row.id);
      return changed;
    });
  }

  /** @throws {DomainError} WEBHOOK_NOT_FOUND, ETAG_MISMATCH. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<Webhook> {
    return this.database.transaction(context, async () => {
      const row = await this.locked(context, reference, expected);
      const webhook = await this.views.one(context, row);
      await this.rows.remove(context, row.id);
      await this.changes.record(context, 'webhook.delete', row, { before: wordsOf(row) });
      return webhook;
    });
  }

  /** Gives it a new secret; the one before signs too until the overlap ends. @throws {DomainError} WEBHOOK_NOT_FOUND, ETAG_MISMATCH. */
  rotateSecret(context: TenantContext, reference: string, overlapSeconds: number = DEFAULT_OVERLAP_SECONDS, expected?: ExpectedEtag): Promise<CreatedWebhook> {
    return this.envelope.inTurn(() => this.database.transaction(context, async () => {
      const before = await this.locked(context, reference, expected);
      const { secretNumber } = await this.views.one(context, before);
      const secret = await this.secrets.add(context, before.id, secretNumber + 1, overlapSeconds);
      const row = await this.write(context, before, {});
      await this.changes.record(context, 'webhook.rotate-secret', row, { before: { number: secretNumber }, after: { number: secretNumber + 1, overlapSeconds } });
      return { webhook: await this.views.one(context, row), secret };
    }));
  }

  /**
   * Sends it an event for nothing but that, after those that wait; what waits to be tried again is tried now. @returns the id of the event.
   * @throws {DomainError} WEBHOOK_NOT_FOUND, ETAG_MISMATCH, WEBHOOK_DISABLED.
   */
  test(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<{ webhook: Webhook; event: string }> {
    return this.database.transaction(context, async () => {
      const row = await this.resumed(context, reference, expected);
      const event = await this.events.record(context, { type: 'webhook.test', subject: `webhooks/${row.name}`, data: { webhook: row.name }, recipient: row.id });
      await this.changes.record(context, 'webhook.test', row);
      return { webhook: await this.views.one(context, row), event };
    });
  }

  /**
   * Sends again from an event or a time on, at once, also where the platform had given up.
   * @throws {DomainError} WEBHOOK_NOT_FOUND, ETAG_MISMATCH, WEBHOOK_REPLAY_INVALID, WEBHOOK_DISABLED, EVENT_NOT_FOUND.
   */
  replay(context: TenantContext, reference: string, { fromEvent, fromTime }: ReplayFrom, expected: ExpectedEtag): Promise<Webhook> {
    const position = fromEvent !== undefined ? { event: fromEvent } : fromTime !== undefined ? { time: fromTime } : undefined;
    if (!position || (fromEvent !== undefined && fromTime !== undefined)) return Promise.reject(replayInvalid());
    return this.database.transaction(context, async () => {
      const row = await this.resumed(context, reference, expected);
      await this.rows.rewind(context, row.id, await this.events.sequenceBefore(context, position));
      await this.changes.record(context, 'webhook.replay', row, { after: { fromEvent, fromTime } });
      return this.get(context, row.id);
    });
  }

  /** Whatever the platform thought of it, it is tried anew. */
  private async resumed(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<WebhookEntity> {
    const row = await this.locked(context, reference, expected);
    if (row.disabled) throw webhookDisabled();
    await this.rows.update(context, row.id, WELL);
    await this.changes.wake(context, row.id);
    return { ...row, ...WELL };
  }

  private async changing(context: TenantContext, reference: string, expected: ExpectedEtag, work: (row: WebhookEntity) => Promise<WebhookEntity>): Promise<Webhook> {
    return this.database.transaction(context, async () => this.views.one(context, await work(await this.locked(context, reference, expected))));
  }

  private async locked(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<WebhookEntity> {
    await this.changes.begin(context);
    const row = await this.rows.find(context, reference, { lock: true });
    if (!row) throw webhookNotFound();
    checkEtag(expected, row);
    return row;
  }

  private async write(context: TenantContext, row: WebhookEntity, change: Partial<WebhookEntity>): Promise<WebhookEntity> {
    const all = { ...change, version: row.version + 1, updatedAt: new Date() };
    await this.rows.update(context, row.id, all);
    return { ...row, ...all };
  }
}

function wordsOf({ url, events, disabled }: Pick<WebhookEntity, 'url' | 'events' | 'disabled'>): Pick<WebhookEntity, 'url' | 'events' | 'disabled'> {
  return { url, events, disabled };
}
