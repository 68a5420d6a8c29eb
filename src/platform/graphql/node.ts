import { SetMetadata } from '@nestjs/common';
import { Field, ID, InterfaceType } from '@nestjs/graphql';
import type { Permission, PlatformPermission } from '../auth/permissions.js';
import type { SystemContext, TenantContext } from '../context/context.js';

/** Relay's interface: whatever has an id here is found again by it. Models carry the UUID as `id`; their resolvers make the global id. */
@InterfaceType('Node', { description: 'Anything with a global id.', resolveType: (value: object) => value.constructor })
export abstract class Node {
  @Field(() => ID, { description: 'Global id: for `node`, and for caches.' }) id!: string;
}

export const NODE_LOADER = Symbol('fnplane:node-loader');

export type NodeLoaderOptions = { type: string; scope: 'tenant'; permission: Permission } | { type: string; scope: 'platform'; permission: PlatformPermission };

export type TenantNodeLoader = (context: TenantContext, id: string) => Promise<object>;
export type PlatformNodeLoader = (context: SystemContext, id: string) => Promise<object>;

/**
 * Marks a resolver's method as the one that finds a tenant's thing by the id inside a global id of `type`: a UUID. It answers the model, or throws
 * what the domain throws for things that are not there. The permission was checked before.
 */
export function NodeOf(type: string, permission: Permission) {
  return SetMetadata(NODE_LOADER, { type, scope: 'tenant', permission } satisfies NodeLoaderOptions);
}

/** The same for what belongs to the platform as a whole. */
export function PlatformNodeOf(type: string, permission: PlatformPermission) {
  return SetMetadata(NODE_LOADER, { type, scope: 'platform', permission } satisfies NodeLoaderOptions);
}
