import type { TenantContext } from '../../../platform/context/context.js';
import { encodeCursor, type Page } from '../../../platform/database/page.js';
import type { Connection, ConnectionArgs } from '../../../platform/graphql/connection.js';
import { sourceOf } from '../cloud-event.policy.js';
import type { PlatformEvent } from '../platform-event.js';
import { EventModel } from './event.model.js';

export function toEventModel(context: TenantContext, { at, ...event }: PlatformEvent): EventModel {
  return Object.assign(new EventModel(), event, { time: at, source: sourceOf(context.tenantName) });
}

export function toEventConnection(context: TenantContext, page: Page<PlatformEvent>, args: ConnectionArgs): Connection<EventModel> {
  const nodes = page.items.map((event) => toEventModel(context, event));
  const edges = nodes.map((node) => ({ cursor: encodeCursor({ time: node.time.toISOString(), id: String(node.sequence) }), node }));
  return {
    edges, nodes,
    pageInfo: { hasNextPage: page.nextCursor !== null, hasPreviousPage: args.after !== undefined && args.after !== null, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}
