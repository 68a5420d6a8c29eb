import { DomainError } from '../../platform/errors/domain-error.js';

export type TenantErrorCode = 'TENANT_NAME_TAKEN' | 'TENANT_DELETING' | 'TENANT_SUSPENDED' | 'PLAN_NOT_FOUND' | 'PLAN_CHANGE_DENIED' | 'TIME_ZONE_UNKNOWN' | 'TENANT_NOT_FOUND';

export function tenantNameTaken(name: string): DomainError<TenantErrorCode> {
  return new DomainError('conflict', 'TENANT_NAME_TAKEN', `The name ${name} is taken; choose another one.`, { fields: [{ pointer: '/name', message: 'is taken' }] });
}

export function planNotFound(plan: string): DomainError<TenantErrorCode> {
  return new DomainError('invalid', 'PLAN_NOT_FOUND', `There is no plan ${plan}; GET /v1/plans lists them.`, { fields: [{ pointer: '/plan', message: 'is not a plan' }] });
}

/** A plan sets limits and prices: changing it is for those who may set quotas. */
export function planNotYours(): DomainError<TenantErrorCode> {
  return new DomainError('forbidden', 'PLAN_CHANGE_DENIED', 'The plan of a tenant is changed by operators of the platform; ask one of them.', { fields: [{ pointer: '/plan', message: 'may not be changed by you' }] });
}

export function tenantDeleting(): DomainError<TenantErrorCode> {
  return new DomainError('conflict', 'TENANT_DELETING', 'The tenant is being deleted; nothing in it can be changed any more.');
}

export function tenantSuspended(): DomainError<TenantErrorCode> {
  return new DomainError('forbidden', 'TENANT_SUSPENDED', 'The tenant is suspended: changes are not accepted until an operator of the platform lifts it.');
}

export function timeZoneUnknown(): DomainError<TenantErrorCode> {
  return new DomainError('invalid', 'TIME_ZONE_UNKNOWN', 'The time zone is not in the IANA list; Europe/Vienna is an example.', { fields: [{ pointer: '/timeZone', message: 'is not an IANA time zone' }] });
}
