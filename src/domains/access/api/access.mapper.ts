import type { Principal } from '../../../platform/context/context.js';
import { etagOf } from '../../../platform/rest/etag.js';
import { keyPermissions } from '../api-key.policy.js';
import type { CreatedApiKey } from '../api-keys.service.js';
import { invitationTag } from '../invitations.service.js';
import type { ApiKeyEntity } from '../store/api-key.entity.js';
import type { InvitationEntity } from '../store/invitation.entity.js';
import type { MemberEntity } from '../store/member.entity.js';
import { platformPermissionsOf } from '../viewer.policy.js';
import { ApiKeyModel, CreatedApiKeyModel, type CreateApiKeyPayload } from './api-key.model.js';
import { InvitationModel, ReceivedInvitationModel } from './invitation.model.js';
import { MemberModel } from './member.model.js';
import { ViewerModel } from './viewer.model.js';

export function toMemberModel(row: MemberEntity): MemberModel {
  const { id, tenantId, issuer, subject, role, createdAt } = row;
  return Object.assign(new MemberModel(), { id, tenantId, issuer, subject, role, etag: etagOf(row), createdAt });
}

export function toInvitationModel(row: InvitationEntity): InvitationModel {
  return Object.assign(new InvitationModel(), row, { etag: etagOf(invitationTag(row)) });
}

export function toReceivedInvitationModel(row: InvitationEntity): ReceivedInvitationModel {
  return Object.assign(new ReceivedInvitationModel(), row, { etag: etagOf(invitationTag(row)) });
}

export function toApiKeyModel(row: ApiKeyEntity): ApiKeyModel {
  const { id, tenantId, name, prefix, role, scopes, expiresAt, lastUsedAt, previousPrefix, previousUntil, createdAt } = row;
  const overlaps = previousUntil !== null && previousUntil.getTime() > Date.now();
  return Object.assign(new ApiKeyModel(), {
    id, tenantId, name, prefix: `fnp_${prefix}`, role, scopes: scopes ?? undefined, effectivePermissions: [...keyPermissions(role, scopes)],
    expiresAt: expiresAt ?? undefined, lastUsedAt: lastUsedAt ?? undefined, ...(overlaps ? { previousPrefix: `fnp_${previousPrefix}`, previousUntil } : {}), etag: etagOf(row), createdAt,
  });
}

export function toCreatedApiKeyModel(created: CreatedApiKey): CreatedApiKeyModel {
  return Object.assign(new CreatedApiKeyModel(), toApiKeyModel(created.apiKey), { key: created.key });
}

export function toCreateApiKeyPayload(created: CreatedApiKey): Omit<CreateApiKeyPayload, 'userErrors'> {
  return { apiKey: toApiKeyModel(created.apiKey), key: created.key };
}

export function toViewerModel(principal: Principal): ViewerModel {
  const { kind, issuer, subject, email, platformRoles, apiKey } = principal;
  return Object.assign(new ViewerModel(), {
    kind, issuer, subject, email, platformRoles: [...platformRoles], platformPermissions: platformPermissionsOf(principal), tenantId: apiKey?.tenantId,
  });
}
