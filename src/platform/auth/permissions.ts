/** The closed list of what can be allowed inside a tenant. */
export const PERMISSIONS = [
  'tenant:read', 'tenant:update', 'tenant:delete', 'tenant:suspend',
  'members:read', 'members:manage', 'keys:read', 'keys:manage', 'audit:read',
  'functions:read', 'functions:deploy', 'functions:delete', 'functions:invoke', 'logs:read',
  'configuration:read', 'configuration:write', 'secrets:read', 'secrets:write',
  'quota:read', 'quota:manage', 'placement:manage', 'usage:read', 'billing:read',
  'events:read', 'webhooks:read', 'webhooks:manage',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const TENANT_ROLES = ['owner', 'admin', 'developer', 'viewer', 'billing'] as const;
export type TenantRole = (typeof TENANT_ROLES)[number];

export const PLATFORM_ROLES = ['operator', 'auditor', 'finance'] as const;
export type PlatformRole = (typeof PLATFORM_ROLES)[number];

/** What can be allowed on the platform as a whole. */
export const PLATFORM_PERMISSIONS = ['tenants:create', 'tenants:list', 'clusters:read', 'clusters:manage', 'plans:read', 'audit:read', 'encryption:read', 'encryption:manage', 'authenticated'] as const;
export type PlatformPermission = (typeof PLATFORM_PERMISSIONS)[number];

const VIEWER: readonly Permission[] = ['tenant:read', 'functions:read', 'logs:read', 'configuration:read', 'secrets:read', 'quota:read', 'usage:read', 'events:read'];
const DEVELOPER: readonly Permission[] = [...VIEWER, 'functions:deploy', 'functions:delete', 'functions:invoke', 'configuration:write', 'secrets:write'];
const ADMIN: readonly Permission[] = [...DEVELOPER, 'tenant:update', 'members:read', 'members:manage', 'keys:read', 'keys:manage', 'audit:read', 'billing:read', 'webhooks:read', 'webhooks:manage'];

/** What each role of a tenant may do. Quotas and places are set by the platform's operators, never by the tenant itself. */
export const TENANT_ROLE_PERMISSIONS: Record<TenantRole, readonly Permission[]> = {
  owner: [...ADMIN, 'tenant:delete'],
  admin: ADMIN,
  developer: DEVELOPER,
  viewer: VIEWER,
  billing: ['tenant:read', 'usage:read', 'billing:read', 'quota:read'],
};

/** What a platform role may do inside every tenant. */
export const PLATFORM_ROLE_TENANT_PERMISSIONS: Record<PlatformRole, readonly Permission[]> = {
  operator: PERMISSIONS.filter((permission) => permission !== 'functions:invoke'),
  auditor: ['tenant:read', 'members:read', 'keys:read', 'audit:read', 'functions:read', 'configuration:read', 'secrets:read', 'quota:read', 'usage:read', 'events:read'],
  finance: ['tenant:read', 'usage:read', 'billing:read', 'quota:read'],
};

export const PLATFORM_ROLE_PERMISSIONS: Record<PlatformRole, readonly PlatformPermission[]> = {
  operator: PLATFORM_PERMISSIONS,
  auditor: ['tenants:list', 'clusters:read', 'plans:read', 'audit:read', 'encryption:read', 'authenticated'],
  finance: ['tenants:list', 'plans:read', 'authenticated'],
};

/** Permissions every authenticated principal has. */
export const COMMON_PLATFORM_PERMISSIONS: readonly PlatformPermission[] = ['authenticated', 'plans:read'];
