import { TENANT_ROLE_PERMISSIONS, type Permission, type TenantRole } from '../../platform/auth/permissions.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { MOST_INVITATION_DAYS } from './invitation-expiry.policy.js';

export type AccessErrorCode =
  | 'MEMBER_NOT_FOUND' | 'MEMBER_EXISTS' | 'MEMBER_LIMIT_REACHED' | 'LAST_OWNER' | 'ISSUER_UNKNOWN' | 'ROLE_NOT_GRANTABLE' | 'OWNER_PROTECTED'
  | 'INVITATION_NOT_FOUND' | 'INVITATION_EXISTS' | 'INVITATION_LIMIT_REACHED' | 'INVITATION_EXPIRY_INVALID' | 'EMAIL_INVALID'
  | 'API_KEY_NOT_FOUND' | 'API_KEY_NAME_TAKEN' | 'API_KEY_LIMIT_REACHED' | 'API_KEY_EXPIRED' | 'SCOPE_OUTSIDE_ROLE' | 'EXPIRY_IN_PAST';
type AccessError = DomainError<AccessErrorCode>;

export function memberNotFound(): AccessError {
  return new DomainError('not-found', 'MEMBER_NOT_FOUND', 'There is no such member in this tenant, or it is not visible to you.');
}

export function memberExists(): AccessError {
  return new DomainError('conflict', 'MEMBER_EXISTS', 'This person is a member of the tenant already; change the role of that membership.', { fields: [{ pointer: '/subject', message: 'is a member already' }] });
}

export function memberLimitReached(allowed: number): AccessError {
  return new DomainError('conflict', 'MEMBER_LIMIT_REACHED', `A tenant has at most ${allowed} members; remove one first.`, { details: { allowed } });
}

export function lastOwner(): AccessError {
  return new DomainError('conflict', 'LAST_OWNER', 'This is the tenant\'s only owner; make somebody else an owner first.');
}

export function issuerUnknown(): AccessError {
  return new DomainError('invalid', 'ISSUER_UNKNOWN', 'Tokens of this issuer are not accepted on this platform, so that person could never sign in.', { fields: [{ pointer: '/issuer', message: 'is not a trusted issuer' }] });
}

export function roleNotGrantable(role: TenantRole, held: ReadonlySet<Permission>): AccessError {
  const missing = TENANT_ROLE_PERMISSIONS[role].filter((permission) => !held.has(permission));
  return new DomainError('forbidden', 'ROLE_NOT_GRANTABLE', `You cannot give the role ${role}: it includes what you may not do yourself (${missing.join(', ')}).`, { fields: [{ pointer: '/role', message: 'is beyond your own permissions' }] });
}

export function ownerProtected(): AccessError {
  return new DomainError('forbidden', 'OWNER_PROTECTED', 'Only another owner, or an operator of the platform, can take an owner\'s role away.');
}

export function apiKeyNotFound(): AccessError {
  return new DomainError('not-found', 'API_KEY_NOT_FOUND', 'There is no such API key in this tenant, or it is not visible to you.');
}

export function apiKeyNameTaken(name: string): AccessError {
  return new DomainError('conflict', 'API_KEY_NAME_TAKEN', `The tenant has an API key called ${name} already; choose another name or revoke that key.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function apiKeyLimitReached(allowed: number): AccessError {
  return new DomainError('conflict', 'API_KEY_LIMIT_REACHED', `A tenant has at most ${allowed} API keys; revoke one first.`, { details: { allowed } });
}

export function expiryInPast(): AccessError {
  return new DomainError('invalid', 'EXPIRY_IN_PAST', 'The key would be expired from the start; choose a later time or none.', { fields: [{ pointer: '/expiresAt', message: 'must be in the future' }] });
}

export function scopeOutsideRole(role: TenantRole, scopes: readonly Permission[], outside: readonly number[]): AccessError {
  const names = outside.map((index) => scopes[index]).join(', ');
  return new DomainError('invalid', 'SCOPE_OUTSIDE_ROLE', `Scopes narrow a role and never widen it: the role ${role} does not include ${names}; leave that out or choose another role.`, {
    fields: outside.map((index) => ({ pointer: `/scopes/${index}`, message: `is not part of the role ${role}` })),
  });
}

export function keyNotGrantable(missing: readonly Permission[], pointer?: '/role' | '/scopes'): AccessError {
  return new DomainError('forbidden', 'ROLE_NOT_GRANTABLE', `You cannot hand out this key: it may do what you may not do yourself (${missing.join(', ')}).`, {
    fields: pointer ? [{ pointer, message: 'is beyond your own permissions' }] : [],
  });
}

export function apiKeyExpired(): AccessError {
  return new DomainError('conflict', 'API_KEY_EXPIRED', 'The key has expired, and a rotation keeps its expiry; make a new key.');
}

/** To the person itself, who named no subject that could be put right. */
export function alreadyMember(): AccessError {
  return new DomainError('conflict', 'MEMBER_EXISTS', 'You are a member of this tenant already; ask one of its owners for another role.');
}

export function invitationNotFound(): AccessError {
  return new DomainError('not-found', 'INVITATION_NOT_FOUND', 'There is no such invitation, or it has expired, or it is not visible to you.');
}

export function invitationExists(): AccessError {
  return new DomainError('conflict', 'INVITATION_EXISTS', 'This address is invited already; withdraw that invitation to make another.', { fields: [{ pointer: '/email', message: 'is invited already' }] });
}

export function invitationLimitReached(allowed: number): AccessError {
  return new DomainError('conflict', 'INVITATION_LIMIT_REACHED', `A tenant has at most ${allowed} open invitations; withdraw one first.`, { details: { allowed } });
}

export function invitationExpiryInvalid(): AccessError {
  return new DomainError('invalid', 'INVITATION_EXPIRY_INVALID', `An invitation ends in the future and after at most ${MOST_INVITATION_DAYS} days.`, { fields: [{ pointer: '/expiresAt', message: `must be in the future and within ${MOST_INVITATION_DAYS} days` }] });
}

export function emailInvalid(): AccessError {
  return new DomainError('invalid', 'EMAIL_INVALID', 'This is no e-mail address that a person can be invited by.', { fields: [{ pointer: '/email', message: 'must be an e-mail address' }] });
}
