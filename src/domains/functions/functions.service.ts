import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { encodeCursor, type Page, type PageRequest } from '../../platform/database/page.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import type { Operation } from '../operations/operations.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { DeploymentChecks, type AdmittedFunction } from './deployment-checks.js';
import type { EffectiveRevision, FunctionBody, RevisionBody } from './function-body.js';
import { FunctionChanges } from './function-changes.js';
import { acceptedConditions, deletingConditions, firstConditions } from './function-conditions.policy.js';
import { referencesOf } from './function-defaults.policy.js';
import { bodyOf, isSame, mergePatch, partsOf, withoutAbsent, type FunctionParts } from './function-parts.policy.js';
import { FunctionPlacements } from './function-placements.js';
import { FunctionReservations } from './function-reservations.js';
import { functionProblems, UUID } from './function-rules.policy.js';
import { functionDeleting, functionInvalid, functionNameTaken, functionNotFound, revisionNotFound } from './functions.errors.js';
import { effectiveSettings } from './release-defaults.policy.js';
import { namedRevisionProblems } from './release-rules.policy.js';
import { nextRollout, revisionsBeside } from './rollout.policy.js';
import type { FunctionEntity, FunctionWithTarget } from './store/function.entity.js';
import { FunctionsRepository } from './store/functions.repository.js';
import type { RevisionEntity } from './store/revision.entity.js';
import { RevisionsRepository } from './store/revisions.repository.js';

export interface Deployment {
  function: FunctionWithTarget;
  created: boolean;
  /** Absent when what was asked for is what there is. */
  operation?: Operation;
}

/** Merge patch of a function: null removes. The name cannot be changed. */
export type FunctionPatch = { readonly [Field in Exclude<keyof FunctionBody, 'name'>]?: unknown };

/** Functions of a tenant: what is asked for. What became of it stands in the rows' status columns. */
@Injectable()
export class FunctionsService {
  constructor(
    private readonly database: Database,
    private readonly functions: FunctionsRepository,
    private readonly revisionRows: RevisionsRepository,
    private readonly tenants: TenantsService,
    private readonly reservations: FunctionReservations,
    private readonly checks: DeploymentChecks,
    private readonly changes: FunctionChanges,
    private readonly placements: FunctionPlacements,
  ) {}

  /** By name or id. @throws {DomainError} FUNCTION_NOT_FOUND. */
  async get(context: TenantContext, reference: string): Promise<FunctionWithTarget> {
    const found = await this.functions.find(context, reference);
    if (!found) throw functionNotFound();
    return found;
  }

  list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<FunctionWithTarget>> {
    return this.functions.findPage(context, request, name);
  }

  /** By id, of those that are there. */
  namesOf(context: TenantContext, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.functions.findNames(context, [...new Set(ids)]);
  }

  /** Oldest first. @throws {DomainError} FUNCTION_NOT_FOUND. */
  revisions(context: TenantContext, reference: string, request: PageRequest): Promise<Page<RevisionEntity>> {
    return this.database.transaction(context, async () => this.revisionRows.findPage(context, (await this.get(context, reference)).id, request));
  }

  /** First pages of several functions' revisions, in the order of the ids; empty for ids that are no function of the tenant. */
  async firstRevisions(context: TenantContext, functionIds: readonly string[], limit: number): Promise<Page<RevisionEntity>[]> {
    const rows = await this.revisionRows.findFirst(context, functionIds, limit);
    return functionIds.map((id) => firstPage(rows.filter((row) => row.functionId === id), limit));
  }

  /** @throws {DomainError} FUNCTION_NOT_FOUND, REVISION_NOT_FOUND. */
  revision(context: TenantContext, reference: string, number: number): Promise<RevisionEntity> {
    return this.database.transaction(context, async () => {
      const found = await this.revisionRows.find(context, (await this.get(context, reference)).id, number);
      if (!found) throw revisionNotFound();
      return found;
    });
  }

  /** @throws {DomainError} FUNCTION_NAME_TAKEN and all that {@link deploy} throws. */
  create(context: TenantContext, body: FunctionBody): Promise<Deployment> {
    return this.inTransaction(context, async () => {
      const taken = await this.functions.lock(context, body.name);
      const made = taken ? null : await this.add(context, body);
      if (!made) throw functionNameTaken(body.name);
      return made;
    }, body);
  }

  /**
   * Creates the function or makes it what `body` says; the same again changes nothing and has no operation.
   * @param reference name, or id of one that exists; `body.name` must be that name
   * @throws {DomainError} FUNCTION_INVALID, FUNCTION_NOT_FOUND (an unknown id), FUNCTION_DELETING, ETAG_MISMATCH, QUOTA_EXCEEDED,
   *   TENANT_DELETING, TENANT_SUSPENDED, and what {@link DeploymentChecks.admit} throws.
   */
  deploy(context: TenantContext, reference: string, body: FunctionBody, expected: ExpectedEtag): Promise<Deployment> {
    return this.inTransaction(context, async () => {
      const found = await this.functions.lock(context, reference);
      if (found) return this.replace(context, found, body, expected);
      if (UUID.test(reference)) throw functionNotFound();
      if (reference !== body.name) throw functionInvalid([{ pointer: '/name', message: `must be ${reference}, as in the address: names cannot be changed` }]);
      if (expected !== undefined) throw new DomainError('precondition-failed', 'ETAG_MISMATCH', 'There is no function of that name that the change could be based on.');
      const made = await this.add(context, body);
      if (made) return made;
      const rival = await this.functions.lock(context, reference);
      if (!rival) throw functionDeleting(body.name);
      return this.replace(context, rival, body, expected);
    }, body);
  }

  /** RFC 7396 over what the client sent last. @throws {DomainError} FUNCTION_NOT_FOUND and all that {@link deploy} throws. */
  patch(context: TenantContext, reference: string, patch: FunctionPatch, expected: ExpectedEtag): Promise<Deployment> {
    return this.inTransaction(context, async () => {
      const found = await this.functions.lock(context, reference);
      if (!found) throw functionNotFound();
      const body = mergePatch(bodyOf(found.name, partsNow(found)), patch) as FunctionBody;
      if (!('runtime' in body)) throw functionInvalid([{ pointer: '/runtime', message: 'cannot be removed' }]);
      demandValid(body);
      return this.replace(context, found, body, expected);
    });
  }

  /** Starts the deletion; asked again it answers the same. The row stays visible until the last trace on every cluster is gone. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<Deployment> {
    return this.inTransaction(context, async () => {
      const found = await this.functions.lock(context, reference);
      if (!found) throw functionNotFound();
      checkEtag(expected, found);
      const now = new Date();
      const change: Partial<FunctionEntity> = found.state === 'deleting' ? {} : {
        state: 'deleting', generation: found.generation + 1, version: found.version + 1, updatedAt: now,
        conditions: deletingConditions(found.conditions, 'The function is being removed from its clusters.', now),
      };
      if (found.state !== 'deleting') await this.functions.update(context, found.id, change);
      const fn = { ...found, ...change };
      return { function: fn, created: false, operation: await this.changes.record(context, 'function.delete', fn, { before: bodyOf(fn.name, partsNow(fn)) }) };
    });
  }

  private async inTransaction(context: TenantContext, work: () => Promise<Deployment>, body?: FunctionBody): Promise<Deployment> {
    if (body) demandValid(body);
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      return work();
    });
  }

  /** Null when somebody else took the name at the same moment. */
  private async add(context: TenantContext, body: FunctionBody): Promise<Deployment | null> {
    const admitted = await this.checks.admit(context, body);
    const parts = partsOf(body);
    await this.checks.admitKafka(context, parts.settings.scaling ?? {});
    await this.demandNamed(context, undefined, parts);
    const places = await this.placements.after(context, null, parts.settings);
    const now = new Date();
    const fn: FunctionEntity = {
      tenantId: context.tenantId, id: randomUUID(), name: body.name, labels: parts.settings.labels ?? {}, state: 'active', targetRevision: 1, lastRevision: 1,
      settings: parts.settings, ...effectiveSettings(parts.settings, admitted.effective.concurrency), rolloutState: nextRollout({ attempt: 0 }),
      authentication: parts.settings.authentication ?? 'required', generation: 1, observedGeneration: 0,
      servingRevision: null, previousRevision: null, release: {}, replicas: 0, readyReplicas: 0, suspension: 'none', places, nameKey: randomBytes(32).toString('base64url'), conditions: firstConditions(now),
      version: 1, createdAt: now, updatedAt: now,
    };
    if (!(await this.functions.insertIfFree(context, fn))) return null;
    const target = await this.addRevision(context, fn, parts.revision, admitted);
    const operation = await this.changes.record(context, 'function.deploy', fn, { after: body });
    // Last, so that the tenant's other deployments wait for as little as can be.
    const made = { ...fn, target };
    await this.reservations.change(context, null, made);
    return { function: made, created: true, operation };
  }

  private async replace(context: TenantContext, before: FunctionWithTarget, body: FunctionBody, expected: ExpectedEtag): Promise<Deployment> {
    if (before.state === 'deleting') throw functionDeleting(before.name);
    checkEtag(expected, before);
    if (body.name !== before.name) throw functionInvalid([{ pointer: '/name', message: `must be ${before.name}: names cannot be changed` }]);
    const parts = partsOf(body);
    // What could not be built is tried again when it is sent again: the reason may have been a dependency that was away.
    const sameRevision = isSame(parts.revision, before.target.spec) && before.target.buildState !== 'failed';
    if (sameRevision && isSame(parts.settings, before.settings)) return { function: before, created: false };
    if (!isSame(parts.settings.scaling ?? {}, before.settings.scaling ?? {})) await this.checks.admitKafka(context, parts.settings.scaling ?? {});
    await this.demandNamed(context, before, parts);
    // Bounds of the quota that were lowered since refuse nothing that leaves the revision as it is.
    const admitted = sameRevision ? undefined : await this.checks.admit(context, body);
    const places = await this.placements.after(context, before, parts.settings);
    const change = { ...changeOf(before, parts, admitted?.effective, new Date()), places };
    const fn = { ...before, ...change };
    await this.functions.update(context, fn.id, change);
    const target = admitted ? await this.addRevision(context, fn, parts.revision, admitted) : before.target;
    if (admitted) await this.forgetOldest(context, fn, admitted.revisionsKept);
    const operation = await this.changes.record(context, admitted ? 'function.deploy' : 'function.update', fn, { before: bodyOf(before.name, partsNow(before)), after: body });
    const made = { ...fn, target };
    await this.reservations.change(context, before, made);
    return { function: made, created: false, operation };
  }

  /** @throws {DomainError} FUNCTION_INVALID for rules of traffic that name what is not kept or has no image. Those that were there before are kept. */
  private async demandNamed(context: TenantContext, before: FunctionWithTarget | undefined, { settings: { traffic = [] } }: FunctionParts): Promise<void> {
    const numbers = traffic.flatMap(({ revision }) => revision ?? []);
    if (numbers.length === 0 || (before && isSame(traffic, before.settings.traffic ?? []))) return;
    const problems = namedRevisionProblems(traffic, before ? await this.revisionRows.findSome(context, before.id, numbers) : []);
    if (problems.length > 0) throw functionInvalid(problems);
  }

  private async addRevision(context: TenantContext, fn: FunctionEntity, spec: RevisionBody, { effective, secretVersions }: AdmittedFunction): Promise<RevisionEntity> {
    const revision: RevisionEntity = {
      tenantId: context.tenantId, functionId: fn.id, number: fn.targetRevision, spec, effective,
      buildState: 'pending', buildError: null, image: null, secretVersions, pinned: false, createdBy: context.principal.key, createdAt: fn.updatedAt,
    };
    await this.revisionRows.add(context, revision, referencesOf(spec));
    return revision;
  }

  private async forgetOldest(context: TenantContext, fn: FunctionEntity, count: number): Promise<void> {
    if (fn.lastRevision <= count) return;
    const before = fn.previousRevision === null ? [] : [fn.previousRevision];
    await this.revisionRows.prune(context, fn.id, { newest: fn.lastRevision, count, needed: [fn.targetRevision, ...before, ...revisionsBeside(fn, fn.release)] });
  }
}

function demandValid(body: FunctionBody): void {
  const problems = functionProblems(withoutAbsent(body));
  if (problems.length > 0) throw functionInvalid(problems);
}

/** What the client sent last. */
export function partsNow(fn: FunctionWithTarget): FunctionParts {
  return { revision: fn.target.spec, settings: fn.settings };
}

/** @param effective of the new revision; undefined where the one there is stays */
function changeOf(before: FunctionWithTarget, { settings }: FunctionParts, effective: EffectiveRevision | undefined, now: Date): Partial<FunctionEntity> {
  const number = effective ? before.lastRevision + 1 : before.targetRevision;
  return {
    labels: settings.labels ?? {}, settings, ...effectiveSettings(settings, (effective ?? before.target.effective).concurrency), authentication: settings.authentication ?? 'required',
    rolloutState: effective ? nextRollout(before.rolloutState) : before.rolloutState,
    targetRevision: number, lastRevision: Math.max(number, before.lastRevision), generation: before.generation + 1, version: before.version + 1, updatedAt: now,
    conditions: acceptedConditions(before.conditions, effective !== undefined, now),
  };
}

function firstPage(rows: readonly RevisionEntity[], limit: number): Page<RevisionEntity> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > limit && last ? encodeCursor({ time: last.createdAt.toISOString(), id: String(last.number) }) : null };
}
