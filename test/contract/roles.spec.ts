import { GraphQLSchemaHost } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../deploy/local/http-client.ts';
import {
  COMMON_PLATFORM_PERMISSIONS, PLATFORM_ROLE_PERMISSIONS, PLATFORM_ROLE_TENANT_PERMISSIONS, PLATFORM_ROLES, TENANT_ROLE_PERMISSIONS, TENANT_ROLES, type Permission, type PlatformPermission,
} from '../../src/platform/auth/permissions.js';
import { buildOpenApi } from '../../src/platform/rest/open-api.js';
import { startApi, type TestApi } from '../support/api.js';
import { makeOperation } from '../support/graphql-documents.js';
import { subscriptionCodes } from '../support/graphql-socket.js';
import { handlersOf, type Handler } from '../support/handlers.js';
import { addKey, addMember, makeTeam, type Team } from '../support/teams.js';
import { mintToken } from '../support/tokens.js';

/** Who holds what must be held by few: to be changed here, too, when a role changes. */
const FEW: Partial<Record<Permission | PlatformPermission, string>> = {
  'tenant:delete': 'owner operator',
  'tenant:suspend': 'operator',
  'tenant:update': 'owner admin operator',
  'members:manage': 'owner admin operator',
  'keys:manage': 'owner admin operator',
  'audit:read': 'owner admin operator auditor',
  'functions:deploy': 'owner admin developer operator',
  'functions:invoke': 'owner admin developer',
  'logs:read': 'owner admin developer viewer operator',
  'secrets:write': 'owner admin developer operator',
  'quota:manage': 'operator',
  'placement:manage': 'operator',
  'clusters:read': 'operator auditor',
  'clusters:manage': 'operator',
  'encryption:read': 'operator auditor',
  'encryption:manage': 'operator',
  'billing:read': 'owner admin billing operator finance',
  'webhooks:read': 'owner admin operator',
  'webhooks:manage': 'owner admin operator',
};

interface Caller {
  client: HttpClient;
  /** As `tenant functions:read`, `platform tenants:create`: both sides have an `audit:read`. */
  held: ReadonlySet<string>;
}

describe('what each role may do', () => {
  let api: TestApi;
  let team: Team;
  let handlers: Handler[];
  const callers = new Map<string, Caller>();

  beforeAll(async () => {
    api = await startApi();
    team = await makeTeam(api);
    handlers = handlersOf(api.plane.app).filter(({ requirement }) => requirement?.scope === 'tenant' || requirement?.scope === 'platform');
    for (const role of TENANT_ROLES) {
      const held = holds(TENANT_ROLE_PERMISSIONS[role]);
      callers.set(role, { client: (await addMember(api, team, role)).client, held });
      callers.set(`a key with the role ${role}`, { client: (await addKey(api, team, role)).client, held });
    }
    const scopes: Permission[] = ['functions:read', 'keys:read', 'secrets:write'];
    callers.set('a key with scopes', { client: (await addKey(api, team, 'admin', { scopes })).client, held: holds(scopes) });
    for (const role of PLATFORM_ROLES) {
      callers.set(role, { client: api.client(await mintToken({ roles: [role] })), held: holds(PLATFORM_ROLE_TENANT_PERMISSIONS[role], PLATFORM_ROLE_PERMISSIONS[role]) });
    }
  });
  afterAll(() => api.stop());

  /** Calls each handler as each caller: those answers that are not what the caller's permissions say. */
  async function wrong(those: readonly Handler[], call: (handler: Handler, client: HttpClient) => Promise<{ denied: boolean; failed: boolean }>): Promise<string[]> {
    const found = await Promise.all([...callers].map(async ([caller, { client, held }]) => {
      const mistakes: string[] = [];
      for (const handler of those) {
        const { scope, permission } = handler.requirement as { scope: string; permission: string };
        const { denied, failed } = await call(handler, client);
        if (denied === held.has(`${scope} ${permission}`)) mistakes.push(`${caller} ${denied ? 'may not' : 'may'} ${handler.name}, which needs ${permission}`);
        if (failed) mistakes.push(`${caller} broke ${handler.name}`);
      }
      return mistakes;
    }));
    return found.flat();
  }

  it('is, on every REST route, what its handler declares', async () => {
    const { paths } = buildOpenApi(api.plane.http!);
    const routes = new Set(Object.entries(paths).flatMap(([path, item]) => Object.keys(item as object).map((verb) => `${verb.toUpperCase()} ${path}`)));
    const those = handlers.filter(({ kind, name }) => kind === 'route' && routes.has(name));
    expect(those.length).toBeGreaterThan(40);
    expect(await wrong(those, async ({ name }, client) => {
      const [verb, path] = name.split(' ') as [string, string];
      const address = path.replace('{tenant}', team.name).replaceAll(/\{[^}]+\}/g, 'x1');
      const reading = verb === 'GET';
      const answer = await client.send(verb, reading ? address : `${address}?validateOnly=true`, reading ? {} : { body: {} });
      return { denied: answer.status === 403 && answer.body.code === 'PERMISSION_DENIED', failed: answer.status === 500 };
    })).toEqual([]);
  });

  it.each(['query', 'mutation'] as const)('is, in every GraphQL %s, what its handler declares', async (kind) => {
    const { schema } = api.plane.app.get(GraphQLSchemaHost, { strict: false });
    const fields = (kind === 'query' ? schema.getQueryType() : schema.getMutationType())!.getFields();
    const those = handlers.filter((handler) => handler.kind === kind);
    expect(those.length).toBeGreaterThan(15);
    expect(await wrong(those, async ({ name }, client) => {
      const { query, variables } = makeOperation(kind, fields[name]!, team.name);
      const codes = errorCodes(await client.graphql(query, variables));
      return { denied: codes.includes('PERMISSION_DENIED'), failed: codes.some((code) => code === 'INTERNAL' || code === 'GRAPHQL_VALIDATION_FAILED' || code === 'BAD_USER_INPUT') };
    })).toEqual([]);
  });

  it('is, in every GraphQL subscription, what its handler declares', async () => {
    const { schema } = api.plane.app.get(GraphQLSchemaHost, { strict: false });
    const those = handlers.filter(({ kind }) => kind === 'subscription');
    expect(those.length).toBeGreaterThan(0);
    expect(await wrong(those, async ({ name }, client) => {
      const { query, variables } = makeOperation('subscription', schema.getSubscriptionType()!.getFields()[name]!, team.name);
      const codes = await subscriptionCodes(client, query, variables);
      return { denied: codes.includes('PERMISSION_DENIED'), failed: codes.some((code) => code === 'INTERNAL' || code === 'GRAPHQL_VALIDATION_FAILED') };
    })).toEqual([]);
  });

  it.each(Object.entries(FEW))('gives %s to: %s', (permission, holders) => {
    const roles = [...TENANT_ROLES, ...PLATFORM_ROLES];
    expect(roles.filter((role) => [`tenant ${permission}`, `platform ${permission}`].some((one) => callers.get(role)!.held.has(one))).join(' ')).toBe(holders);
  });

  it('left the tenant as it was', async () => {
    const { body } = await team.owner.get(team.path);
    expect([body.state, body.suspension, body.generation]).toEqual(['active', 'none', 1]);
  });
});

/** What is held in the tenant, and on the platform beside what all hold there. */
function holds(tenant: readonly Permission[], platform: readonly PlatformPermission[] = []): ReadonlySet<string> {
  return new Set([...tenant.map((permission) => `tenant ${permission}`), ...[...platform, ...COMMON_PLATFORM_PERMISSIONS].map((permission) => `platform ${permission}`)]);
}

function errorCodes({ body }: HttpAnswer): string[] {
  return ((body.errors ?? []) as { extensions?: { code: string } }[]).map(({ extensions }) => extensions?.code ?? 'INTERNAL');
}
