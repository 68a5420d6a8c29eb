import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { MOST_HTTP_TRIGGERS } from '../../contract/triggers.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database, isUniqueViolation, postgresCode } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { FunctionChanges } from '../functions/function-changes.js';
import { isSame, mergePatch } from '../functions/function-parts.policy.js';
import { functionDeleting } from '../functions/functions.errors.js';
import { FunctionsService } from '../functions/functions.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import type { HttpTriggerEntity } from './store/http-trigger.entity.js';
import { HttpTriggersRepository } from './store/http-triggers.repository.js';
import type { HttpTriggerBody, TriggerBody, TriggerPatch } from './trigger-body.js';
import { TriggerChecks } from './trigger-checks.js';
import { routeTaken, tooManyTriggers, triggerFunctionNotFound, triggerInvalid, triggerNameTaken, triggerNotFound } from './triggers.errors.js';

/** A trigger as it stands. */
export interface Trigger extends TriggerBody {
  id: string;
  tenantId: string;
  version: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What Postgres says of a row that another tenant's row excludes. */
const EXCLUDED = '23P01';

/** Hosts and paths that start functions. What a cluster is told of them goes with the function. */
@Injectable()
export class TriggersService {
  constructor(
    private readonly database: Database,
    private readonly triggers: HttpTriggersRepository,
    private readonly functions: FunctionsService,
    private readonly changes: FunctionChanges,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
    private readonly checks: TriggerChecks,
  ) {}

  /** By name or id. @throws {DomainError} TRIGGER_NOT_FOUND. */
  async get(context: TenantContext, reference: string): Promise<Trigger> {
    const found = await this.triggers.find(context, reference);
    if (!found) throw triggerNotFound();
    return this.told(context, found);
  }

  async list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<Trigger>> {
    const { items, nextCursor } = await this.triggers.findPage(context, request, name);
    const names = await this.functions.namesOf(context, items.map(({ functionId }) => functionId));
    return { items: items.map((row) => triggerOf(row, names.get(row.functionId) ?? '')), nextCursor };
  }

  /**
   * @throws {DomainError} TRIGGER_INVALID, TRIGGER_NAME_TAKEN, TRIGGER_FUNCTION_NOT_FOUND, TOO_MANY_TRIGGERS, FUNCTION_DELETING; TRIGGER_ROUTE_TAKEN where
   *   any tenant has that host and path, or another one a path above or below it.
   */
  create(context: TenantContext, body: TriggerBody): Promise<Trigger> {
    return this.claiming(body.name, () => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const given = await this.checks.demand(context, body);
      if (await this.triggers.find(context, given.name)) throw triggerNameTaken(given.name);
      const functionId = await this.functionOf(context, given.function);
      const now = new Date();
      const row = await this.triggers.add(context, {
        tenantId: context.tenantId, id: randomUUID(), name: given.name, functionId, ...columnsOf(given.http), throughGateway: false, version: 1, createdAt: now, updatedAt: now,
      });
      await this.audit.record(context, { action: 'trigger.create', target: targetOf(row), after: given });
      await this.changes.enqueue(context, functionId);
      return triggerOf(row, given.function);
    }));
  }

  /** RFC 7396 over what the client sent last. @throws {DomainError} TRIGGER_NOT_FOUND, ETAG_MISMATCH and all that {@link create} throws. */
  patch(context: TenantContext, reference: string, patch: TriggerPatch, expected: ExpectedEtag): Promise<Trigger> {
    return this.claiming(reference, () => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const row = await this.locked(context, reference, expected);
      const before = bodyOf(await this.told(context, row));
      const after = await this.checks.demand(context, mergePatch(before, patch) as TriggerBody);
      if (isSame(before, after)) return triggerOf(row, before.function);
      const functionId = after.function === before.function ? row.functionId : await this.functionOf(context, after.function);
      const change = { functionId, ...columnsOf(after.http), version: row.version + 1, updatedAt: new Date() };
      await this.triggers.update(context, row.id, change);
      await this.audit.record(context, { action: 'trigger.update', target: targetOf(row), before, after });
      for (const id of new Set([row.functionId, functionId])) await this.changes.enqueue(context, id);
      return triggerOf({ ...row, ...change }, after.function);
    }));
  }

  /** @throws {DomainError} TRIGGER_NOT_FOUND, ETAG_MISMATCH. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<Trigger> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const row = await this.locked(context, reference, expected);
      const trigger = await this.told(context, row);
      await this.triggers.remove(context, row.id);
      await this.audit.record(context, { action: 'trigger.delete', target: targetOf(row), before: bodyOf(trigger) });
      await this.changes.enqueue(context, row.functionId);
      return trigger;
    });
  }

  private async locked(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<HttpTriggerEntity> {
    const row = await this.triggers.find(context, reference, { lock: true });
    if (!row) throw triggerNotFound();
    checkEtag(expected, row);
    return row;
  }

  /** The function that a trigger may be added to. */
  private async functionOf(context: TenantContext, name: string): Promise<string> {
    const fn = await this.functions.get(context, name).catch((error: unknown) => {
      throw error instanceof DomainError && error.kind === 'not-found' ? triggerFunctionNotFound(name) : error;
    });
    // Answered as it was sent: the name.
    if (fn.name !== name) throw triggerInvalid([{ pointer: '/function', message: `must be the function's name, ${fn.name}` }]);
    if (fn.state === 'deleting') throw functionDeleting(name);
    if ((await this.triggers.countLocked(context, fn.id)) >= MOST_HTTP_TRIGGERS) throw tooManyTriggers(name, MOST_HTTP_TRIGGERS);
    return fn.id;
  }

  private async told(context: TenantContext, row: HttpTriggerEntity): Promise<Trigger> {
    return triggerOf(row, (await this.functions.namesOf(context, [row.functionId])).get(row.functionId) ?? '');
  }

  /** Who comes second is told so, whoever was first. */
  private async claiming<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isUniqueViolation(error, 'http_trigger_name')) throw triggerNameTaken(name);
      if (isUniqueViolation(error, 'http_trigger_route') || postgresCode(error) === EXCLUDED) throw routeTaken();
      throw error;
    }
  }
}

function columnsOf({ host, path, ...settings }: HttpTriggerBody): Pick<HttpTriggerEntity, 'host' | 'pathType' | 'path' | 'settings'> {
  return { host, pathType: path.type, path: path.value, settings };
}

function triggerOf(row: HttpTriggerEntity, functionName: string): Trigger {
  const { id, tenantId, name, version, createdAt, updatedAt } = row;
  return { id, tenantId, name, function: functionName, http: { host: row.host, path: { type: row.pathType, value: row.path }, ...row.settings }, version, createdAt, updatedAt };
}

function bodyOf({ name, function: functionName, http }: Trigger): TriggerBody {
  return { name, function: functionName, http };
}

function targetOf({ id, name }: HttpTriggerEntity): { kind: 'trigger'; id: string; name: string } {
  return { kind: 'trigger', id, name };
}
