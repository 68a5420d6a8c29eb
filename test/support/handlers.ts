import { RequestMethod, type INestApplicationContext } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { REQUIREMENT, type Requirement } from '../../src/platform/auth/authorization.js';

/** One method that answers requests: a REST route, an operation of the graph, or a field of it that is resolved by code. */
export interface Handler {
  kind: 'route' | 'query' | 'mutation' | 'subscription' | 'field';
  /** `Class.method`, for people. */
  method: string;
  /** `GET /v1/tenants/{tenant}`, or the name in the graph. */
  name: string;
  requirement: Requirement | undefined;
}

// Names of the framework's metadata; it keeps them to itself.
const ROUTE_PATH = 'path';
const ROUTE_METHOD = 'method';
const RESOLVER_TYPE = 'graphql:resolver_type';
const RESOLVER_NAME = 'graphql:resolver_name';
const RESOLVES_FIELD = 'graphql:resolve_property';
const RESOLVES_REFERENCE = 'graphql:resolve_reference';
const ROOTS = { Query: 'query', Mutation: 'mutation', Subscription: 'subscription' } as const;

/**
 * Every handler of an application, found as the framework finds them: by the metadata on the methods of all controllers and
 * providers, inherited ones too.
 */
export function handlersOf(app: INestApplicationContext): Handler[] {
  const modules = [...app.get(ModulesContainer, { strict: false }).values()];
  const owners = new Set(modules.flatMap((module) => [...module.controllers.values(), ...module.providers.values()])
    .flatMap(({ instance, metatype }) => [instance ? Object.getPrototypeOf(instance) as object | null : null, (metatype as { prototype?: object } | null)?.prototype])
    .filter((prototype): prototype is object => typeof prototype === 'object' && prototype !== null && prototype !== Object.prototype));
  return [...owners].flatMap((prototype) => new MetadataScanner().getAllMethodNames(prototype).flatMap((method) => describeMethod(prototype, method)));
}

function describeMethod(prototype: object, method: string): Handler[] {
  const handler = (prototype as Record<string, unknown>)[method];
  if (typeof handler !== 'function') return [];
  const read = (key: string | symbol): unknown => Reflect.getMetadata(key, handler);
  const common = { method: `${prototype.constructor.name}.${method}`, requirement: read(REQUIREMENT) as Requirement | undefined };
  if (read(ROUTE_PATH) !== undefined) return routesOf(prototype, handler).map((name) => ({ ...common, kind: 'route' as const, name }));
  const name = (read(RESOLVER_NAME) as string | undefined) ?? method;
  const root = ROOTS[read(RESOLVER_TYPE) as keyof typeof ROOTS] as Handler['kind'] | undefined;
  if (root) return [{ ...common, kind: root, name }];
  return read(RESOLVES_FIELD) || read(RESOLVES_REFERENCE) || read(RESOLVER_TYPE) !== undefined ? [{ ...common, kind: 'field', name }] : [];
}

/** As OpenAPI writes them; a handler may have several paths. */
function routesOf(prototype: object, handler: object): string[] {
  const list = (value: unknown): string[] => [value ?? ''].flat() as string[];
  const verb = RequestMethod[Reflect.getMetadata(ROUTE_METHOD, handler) as number];
  return list(Reflect.getMetadata(ROUTE_PATH, prototype.constructor)).flatMap((base) => list(Reflect.getMetadata(ROUTE_PATH, handler)).map((path) => {
    const parts = `${base}/${path}`.split('/').filter(Boolean);
    return `${verb} /${parts.map((part) => part.replace(/^:(\w+).*$/, '{$1}')).join('/')}`;
  }));
}
