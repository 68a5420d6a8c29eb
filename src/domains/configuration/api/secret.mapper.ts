import { encodeCursor, type Page } from '../../../platform/database/page.js';
import type { Connection, ConnectionArgs } from '../../../platform/graphql/connection.js';
import { etagOf } from '../../../platform/rest/etag.js';
import type { SecretVersion } from '../secret-versions.service.js';
import type { SecretEntity } from '../store/secret.entity.js';
import { SecretModel, type SecretPayload } from './secret.model.js';
import { SecretVersionModel } from './secret-version.model.js';

export function toSecretModel(row: SecretEntity): SecretModel {
  const { id, tenantId, name, keys, currentVersion, createdAt, updatedAt } = row;
  return Object.assign(new SecretModel(), { id, tenantId, name, version: currentVersion, keys, etag: etagOf(row), createdAt, updatedAt });
}

export function toSecretPayload(row: SecretEntity): Omit<SecretPayload, 'userErrors'> {
  return { secret: toSecretModel(row) };
}

export function toSecretVersionModel({ tenantId, secretId, number, keys, state, createdBy, createdAt, destroyedAt }: SecretVersion): SecretVersionModel {
  return Object.assign(new SecretVersionModel(), {
    tenantId, secretId, number, keys: keys ?? undefined, state, createdBy: createdBy ?? undefined, createdAt, destroyedAt: destroyedAt ?? undefined,
  });
}

/** Versions are paged by age and number: they have no id of their own. */
export function toSecretVersionConnection(page: Page<SecretVersion>, args: ConnectionArgs): Connection<SecretVersionModel> {
  const nodes = page.items.map(toSecretVersionModel);
  const edges = nodes.map((node) => ({ cursor: encodeCursor({ time: node.createdAt.toISOString(), id: String(node.number) }), node }));
  return {
    edges, nodes,
    pageInfo: { hasNextPage: page.nextCursor !== null, hasPreviousPage: Boolean(args.after), startCursor: edges[0]?.cursor ?? null, endCursor: edges.at(-1)?.cursor ?? null },
  };
}
