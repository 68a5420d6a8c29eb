import { createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import type { Principal, SystemContext, TenantContext } from '../context/context.js';
import type { DomainError } from '../errors/domain-error.js';
import type { Charges } from '../limits/request-limits.js';
import type { Permission, PlatformPermission } from './permissions.js';

/** Turned round: `access` knows members and keys, the guard only asks (style: rule 2). */
export abstract class AccessDirectory {
  /** The API key's principal, or null when it is unknown, expired or revoked. May answer from a cache of at most 5 s. */
  abstract findApiKey(key: string): Promise<Principal | null>;
  /**
   * The tenant's context for this principal, or null when there is no such tenant or the principal may see nothing of it:
   * the two are not told apart. `tenant` is a name or id.
   */
  abstract resolveTenant(principal: Principal, tenant: string, requestId: string): Promise<TenantContext | null>;
}

export const REQUIREMENT = Symbol('fnplane:requirement');

export type Requirement =
  | { scope: 'tenant'; permission: Permission }
  | { scope: 'platform'; permission: PlatformPermission }
  /** A field of an object whose own handler was checked: the parent names the tenant. */
  | { scope: 'parent'; permission: Permission }
  /** The handler resolves the tenant itself through `RequestAccess` (node ids). */
  | { scope: 'node' };

/** REST: the tenant is the route's `:tenant`. GraphQL: argument `tenant`, or `input.tenant`. */
export function RequireTenant(permission: Permission) {
  return SetMetadata(REQUIREMENT, { scope: 'tenant', permission } satisfies Requirement);
}

export function RequirePlatform(permission: PlatformPermission) {
  return SetMetadata(REQUIREMENT, { scope: 'platform', permission } satisfies Requirement);
}

/** For field resolvers with data of their own: the parent object carries `tenantId`. */
export function RequireParent(permission: Permission) {
  return SetMetadata(REQUIREMENT, { scope: 'parent', permission } satisfies Requirement);
}

export function RequireNode() {
  return SetMetadata(REQUIREMENT, { scope: 'node' } satisfies Requirement);
}

/** What the guard leaves on a request. */
export interface RequestState {
  requestId: string;
  principal?: Principal;
  /** Why there is no principal, where that is known already. */
  refusal?: DomainError;
  /** By tenant id and by name. */
  tenants: Map<string, TenantContext>;
  /** What its rate limits have been charged. */
  charges: Charges;
  /** Looks anew whether the caller has a permission in a tenant; set by the guard. */
  mayGoOn?: (tenantId: string, permission: Permission) => Promise<boolean>;
}

export interface StatefulRequest {
  id: string;
  /** The client's address: of the connection, or what a trusted proxy says. */
  ip: string;
  headers: Record<string, string | string[] | undefined>;
  /** Node's own request: names and values of the headers in turn, as they came. */
  raw: { rawHeaders: readonly string[] };
  params?: Record<string, string>;
  fnplane?: RequestState;
}

/** The request's state, made by whoever asks first: the guard, or GraphQL's intake. */
export function stateOf(request: StatefulRequest): RequestState {
  return (request.fnplane ??= { requestId: request.id, tenants: new Map(), charges: { tenants: new Set() } });
}

/** Where resolvers get what from, as graphql-js calls them. */
const GRAPHQL_ARGUMENT = { parent: 0, args: 1, context: 2 } as const;

export function requestOf(context: ExecutionContext): StatefulRequest {
  if (context.getType<'http' | 'graphql'>() === 'graphql') {
    return context.getArgByIndex<{ req: StatefulRequest }>(GRAPHQL_ARGUMENT.context).req;
  }
  return context.switchToHttp().getRequest<StatefulRequest>();
}

/** Where the handler's tenant is named: route parameter, argument, input field or parent. */
export function tenantReference(context: ExecutionContext, requirement: Requirement): string | undefined {
  if (context.getType<'http' | 'graphql'>() !== 'graphql') return context.switchToHttp().getRequest<StatefulRequest>().params?.tenant;
  if (requirement.scope === 'parent') return context.getArgByIndex<{ tenantId?: string } | undefined>(GRAPHQL_ARGUMENT.parent)?.tenantId;
  const args = context.getArgByIndex<{ tenant?: string; input?: { tenant?: string } }>(GRAPHQL_ARGUMENT.args);
  return args.tenant ?? args.input?.tenant;
}

/** The checked {@link TenantContext} of this handler. */
export const Tenant = createParamDecorator((_: unknown, context: ExecutionContext): TenantContext => {
  const handler = Reflect.getMetadata(REQUIREMENT, context.getHandler()) as Requirement | undefined;
  const reference = handler ? tenantReference(context, handler) : undefined;
  const found = reference === undefined ? undefined : requestOf(context).fnplane?.tenants.get(reference);
  if (!found) throw new Error('the handler asks for a tenant its requirement does not resolve');
  return found;
});

/** For handlers that go on for long: answers each time anew whether the caller still has the permission the handler declares. */
export const MayGoOn = createParamDecorator((_: unknown, context: ExecutionContext): (() => Promise<boolean>) => {
  const requirement = Reflect.getMetadata(REQUIREMENT, context.getHandler()) as Requirement | undefined;
  const state = requestOf(context).fnplane;
  const tenant = requirement ? state?.tenants.get(tenantReference(context, requirement) ?? '') : undefined;
  if (requirement?.scope !== 'tenant' || !tenant || !state?.mayGoOn) throw new Error('the handler asks whether it may go on before the guard ran');
  const { mayGoOn } = state;
  return () => mayGoOn(tenant.tenantId, requirement.permission);
});

/** The caller, for handlers of the platform as a whole. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): SystemContext => {
  const state = requestOf(context).fnplane;
  if (!state?.principal) throw new Error('the handler asks for a caller before the guard ran');
  return { scope: 'system', principal: state.principal, requestId: state.requestId };
});
