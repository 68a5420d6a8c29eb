import { encodeCursor, type Page } from '../../../platform/database/page.js';
import type { Connection, ConnectionArgs } from '../../../platform/graphql/connection.js';
import { etagOf } from '../../../platform/rest/etag.js';
import type { EventType } from '../../events/event-types.js';
import type { WebhookDeliveryEntity } from '../store/webhook-delivery.entity.js';
import type { WebhookState } from '../webhook-states.js';
import type { Webhook } from '../webhook-views.js';
import type { CreatedWebhook, WebhookBody, WebhookPatch } from '../webhooks.service.js';
import { CreatedWebhookModel, TestedWebhookModel, WebhookDeliveryModel, WebhookModel, WebhookStatusModel, type CreateWebhookBody, type TestWebhookPayload, type WebhookPatchBody, type WebhookPayload, type WebhookSecretPayload } from './webhook.model.js';

export function toWebhookModel(webhook: Webhook): WebhookModel {
  const { id, tenantId, name, url, events, disabled, createdAt, updatedAt } = webhook;
  return Object.assign(new WebhookModel(), { id, tenantId, name: name ?? '', url, events: events as EventType[] | null, disabled, status: toStatus(webhook), etag: etagOf(webhook), createdAt, updatedAt });
}

/** Also of destinations. */
export function toStatus({ disabled, ended, endedAt, failingSince, nextAttemptAt, backlog, lastDelivery, previousSecretUntil }: Webhook): WebhookStatusModel {
  const disabledReason = disabled ? 'owner' : ended;
  const state: WebhookState = disabledReason !== null ? 'disabled' : failingSince === null ? 'active' : 'failing';
  return Object.assign(new WebhookStatusModel(), {
    state, disabledReason, disabledAt: endedAt, failingSince, nextAttemptAt: disabledReason === null ? nextAttemptAt : null, backlog, lastDelivery: lastDelivery ? toDeliveryModel(lastDelivery) : null, previousSecretUntil,
  });
}

export function toDeliveryModel({ number, eventId, eventType, attempt, at, durationMs, delivered, status, errorCode, errorMessage }: WebhookDeliveryEntity): WebhookDeliveryModel {
  const error = errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' };
  return Object.assign(new WebhookDeliveryModel(), { number: Number(number), eventId, eventType, attempt, at, durationMs, delivered, status, error });
}

export function toDeliveryConnection(page: Page<WebhookDeliveryEntity>, args: ConnectionArgs): Connection<WebhookDeliveryModel> {
  const nodes = page.items.map(toDeliveryModel);
  const edges = nodes.map((node) => ({ cursor: encodeCursor({ time: node.at.toISOString(), id: String(node.number) }), node }));
  return {
    edges, nodes,
    pageInfo: { hasNextPage: page.nextCursor !== null, hasPreviousPage: args.after !== undefined && args.after !== null, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}

export function toCreatedWebhookModel({ webhook, secret }: CreatedWebhook): CreatedWebhookModel {
  return Object.assign(new CreatedWebhookModel(), toWebhookModel(webhook), { secret });
}

export function toTestedWebhookModel({ webhook, event }: { webhook: Webhook; event: string }): TestedWebhookModel {
  return Object.assign(new TestedWebhookModel(), toWebhookModel(webhook), { eventId: event });
}

export function toWebhookPayload(webhook: Webhook): Omit<WebhookPayload, 'userErrors'> {
  return { webhook: toWebhookModel(webhook) };
}

export function toWebhookSecretPayload({ webhook, secret }: CreatedWebhook): Omit<WebhookSecretPayload, 'userErrors'> {
  return { webhook: toWebhookModel(webhook), secret };
}

export function toTestWebhookPayload({ webhook, event }: { webhook: Webhook; event: string }): Omit<TestWebhookPayload, 'userErrors'> {
  return { webhook: toWebhookModel(webhook), eventId: event };
}

/** Both transports' bodies as the one command. */
export function toWebhookBody({ name, url, events, disabled }: CreateWebhookBody): WebhookBody {
  return { name, url, events: events ? each(events) : null, disabled: disabled ?? false };
}

/** What is absent stays; null removes. */
export function toWebhookPatch({ url, events, disabled }: WebhookPatchBody): WebhookPatch {
  return { ...(url === undefined ? {} : { url }), ...(events === undefined ? {} : { events: events ? each(events) : null }), ...(disabled === undefined ? {} : { disabled: disabled ?? false }) };
}

/** Each once; the order is the client's. */
function each(events: readonly EventType[]): EventType[] {
  return [...new Set(events)];
}
