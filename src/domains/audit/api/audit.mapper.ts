import { encodeCursor, type Page } from '../../../platform/database/page.js';
import type { Connection, ConnectionArgs } from '../../../platform/graphql/connection.js';
import type { AuditEntryEntity } from '../store/audit-entry.entity.js';
import { AuditEntryModel } from './audit-entry.model.js';

export function toAuditEntryModel(row: AuditEntryEntity): AuditEntryModel {
  const { tenantId, code, beforeHash, afterHash, ...rest } = row;
  return Object.assign(new AuditEntryModel(), rest, { tenantId: tenantId ?? undefined, code: code ?? undefined, beforeHash: beforeHash ?? undefined, afterHash: afterHash ?? undefined });
}

export function toAuditConnection(page: Page<AuditEntryEntity>, args: ConnectionArgs): Connection<AuditEntryModel> {
  const nodes = page.items.map(toAuditEntryModel);
  const edges = nodes.map((node) => ({ cursor: encodeCursor({ time: node.at.toISOString(), id: node.id }), node }));
  return {
    edges, nodes,
    pageInfo: { hasNextPage: page.nextCursor !== null, hasPreviousPage: args.after !== undefined && args.after !== null, startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}
