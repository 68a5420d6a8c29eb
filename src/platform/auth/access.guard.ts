import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { API_KEY } from '../../contract/access-list.js';
import { RefusalRecorder } from '../audit/refusal-recorder.js';
import type { Principal, SystemContext, TenantContext } from '../context/context.js';
import { isStorable } from '../database/storable-text.js';
import { DomainError } from '../errors/domain-error.js';
import { RequestLimits, type AnswerHeaders } from '../limits/request-limits.js';
import { addLogContext } from '../observability/logger.js';
import { AccessDirectory, REQUIREMENT, requestOf, stateOf, tenantReference, type RequestState, type Requirement, type StatefulRequest } from './authorization.js';
import { COMMON_PLATFORM_PERMISSIONS, PLATFORM_ROLE_PERMISSIONS, type Permission, type PlatformPermission } from './permissions.js';
import { TokenVerifier } from './token-verifier.js';
import { unauthenticated } from './unauthenticated.js';

const LONGEST_REFERENCE = 64;

/**
 * Runs before every handler, REST and GraphQL alike: authenticates, resolves the tenant, checks the declared permission.
 * A handler that declares none is refused, so that a forgotten decorator closes and never opens.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: TokenVerifier,
    private readonly directory: AccessDirectory,
    private readonly limits: RequestLimits,
    private readonly refusals: RefusalRecorder,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const requirement = this.reflector.get<Requirement | undefined>(REQUIREMENT, context.getHandler());
    if (!requirement) throw new Error(`${context.getClass().name}.${context.getHandler().name} declares no permission`);
    const request = requestOf(context);
    const state = stateOf(request);
    state.mayGoOn ??= (tenantId, permission) => this.mayGoOn(request, tenantId, permission);
    const principal = state.principal ?? await this.identify(request);
    if (context.getType() === 'http') {
      state.charges.answer = context.switchToHttp().getResponse<AnswerHeaders>();
      await this.limits.chargePrincipal(state.charges, principal);
    }
    try {
      await this.authorize(context, requirement, state);
    } catch (refusal) {
      await this.refusals.record(context, refusal);
      throw refusal;
    }
    return true;
  }

  private async authorize(context: ExecutionContext, requirement: Requirement, state: RequestState): Promise<void> {
    if (requirement.scope === 'platform') requirePlatform(state.principal!, requirement.permission);
    else if (requirement.scope !== 'node') requirePermission(await this.tenant(state, tenantReference(context, requirement)), requirement.permission);
  }

  /** For handlers that learn their tenant late (node ids): the same resolution and check. */
  async resolve(request: StatefulRequest, tenant: string, permission: Permission): Promise<TenantContext> {
    const context = await this.tenant(request.fnplane!, tenant);
    requirePermission(context, permission);
    return context;
  }

  /** The same for what belongs to the platform as a whole. */
  resolvePlatform(request: StatefulRequest, permission: PlatformPermission): SystemContext {
    const { principal, requestId } = request.fnplane!;
    requirePlatform(principal!, permission);
    return { scope: 'system', principal: principal!, requestId };
  }

  /** For requests that go on for long. Nothing is charged; what cannot be found out just now changes nothing. */
  private async mayGoOn(request: StatefulRequest, tenantId: string, permission: Permission): Promise<boolean> {
    try {
      const context = await this.directory.resolveTenant(await this.authenticate(request), tenantId, stateOf(request).requestId);
      return context !== null && context.permissions.has(permission);
    } catch (error) {
      return !(error instanceof DomainError && error.kind === 'unauthenticated');
    }
  }

  /** Who asks: found out once a request, within what its address may try. GraphQL does so before it reads the document. */
  async identify(request: StatefulRequest): Promise<Principal> {
    const state = stateOf(request);
    if (state.refusal) throw state.refusal;
    try {
      return (state.principal = await this.limits.credentials.check(request.ip, readCredential(request), () => this.authenticate(request)));
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'unauthenticated') state.refusal = error;
      throw error;
    }
  }

  /** Takes a GraphQL request's tokens from a tenant it names; names of tenants that are not to be seen cost nothing. */
  async chargeTenant(request: StatefulRequest, reference: string, tokens: number): Promise<void> {
    await this.tenant(stateOf(request), reference, tokens).catch((error: unknown) => {
      if (error instanceof DomainError && error.kind === 'not-found') return;
      throw error;
    });
  }

  private async authenticate(request: StatefulRequest): Promise<Principal> {
    const credential = readCredential(request);
    if (credential === undefined) throw unauthenticated();
    const state = API_KEY.test(credential) ? await this.directory.findApiKey(credential) : null;
    if (state) return state;
    if (API_KEY.test(credential)) throw unauthenticated();
    const { issuer, subject, platformRoles, email } = await this.tokens.verify(credential);
    return { kind: 'user', key: `user:${issuer}|${subject}`, issuer, subject, platformRoles, email };
  }

  private async tenant(state: RequestState, reference: string | undefined, tokens = 1): Promise<TenantContext> {
    if (!reference || reference.length > LONGEST_REFERENCE || !isStorable(reference)) throw tenantNotFound();
    const known = state.tenants.get(reference);
    if (known) return known;
    const found = await this.directory.resolveTenant(state.principal!, reference, state.requestId);
    if (!found) throw tenantNotFound();
    await this.limits.chargeTenant(state.charges, found.principal, found.tenantId, tokens);
    // The name of a deleted tenant may be another one's by now.
    for (const name of found.ended ? [reference, found.tenantId] : [reference, found.tenantId, found.tenantName]) state.tenants.set(name, found);
    addLogContext({ tenant: found.tenantName });
    return found;
  }
}

/** One credential a request: two of them could mean two callers. */
function readCredential(request: StatefulRequest): string | undefined {
  const { authorization, 'x-api-key': apiKey } = request.headers;
  if (isRepeated('authorization', request.raw.rawHeaders)) throw unauthenticated();
  if (typeof authorization === 'string' && apiKey === undefined) {
    const match = /^Bearer ([^\s]+)$/i.exec(authorization);
    if (match) return match[1]!;
  }
  return typeof apiKey === 'string' && authorization === undefined ? apiKey : undefined;
}

/** Node keeps the first of several `Authorization` headers and says nothing of the others. */
function isRepeated(name: string, rawHeaders: readonly string[]): boolean {
  let seen = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index]!;
    if (given.length === name.length && given.toLowerCase() === name) seen += 1;
  }
  return seen > 1;
}

/** Identical for a tenant that does not exist and one the caller may not see. */
export function tenantNotFound(): DomainError {
  return new DomainError('not-found', 'TENANT_NOT_FOUND', 'There is no such tenant, or it is not visible to you.');
}

function requirePermission(context: TenantContext, permission: Permission): void {
  if (context.permissions.has(permission)) return;
  if (context.ended) throw tenantNotFound();
  throw new DomainError('forbidden', 'PERMISSION_DENIED', `Your role in this tenant does not include ${permission}; ask one of its owners.`, { details: { permission } });
}

function requirePlatform(principal: Principal, permission: PlatformPermission): void {
  const granted = COMMON_PLATFORM_PERMISSIONS.includes(permission) && principal.kind !== 'system'
    || principal.platformRoles.some((role) => PLATFORM_ROLE_PERMISSIONS[role].includes(permission));
  if (!granted) throw new DomainError('forbidden', 'PERMISSION_DENIED', `This needs the platform permission ${permission}; ask an operator of the platform.`, { details: { permission } });
}
