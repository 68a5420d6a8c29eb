import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AsyncInvocationsService, type AsyncInvocation } from '../async-invocations/async-invocations.service.js';
import { AuditService } from '../audit/audit.service.js';
import { isSame, mergePatch, withoutAbsent } from '../functions/function-parts.policy.js';
import { functionDeleting } from '../functions/functions.errors.js';
import { FunctionsService } from '../functions/functions.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import type { CronTriggerBody, CronTriggerPatch, CronTriggerSettings } from './cron-trigger-body.js';
import { cronTriggerProblems, effectiveSettings, requestBody } from './cron-trigger-rules.policy.js';
import { cronTriggerFunctionNotFound, cronTriggerInvalid, cronTriggerNameTaken, cronTriggerNotFound, tooManyCronTriggers } from './cron-triggers.errors.js';
import { nextDue } from './schedule.policy.js';
import type { CronTriggerEntity } from './store/cron-trigger.entity.js';
import { CronTriggersRepository } from './store/cron-triggers.repository.js';

/** Of one tenant. */
export const MOST_CRON_TRIGGERS = 200;

/** A trigger as it stands, and the name of its function. */
export type CronTrigger = CronTriggerEntity & { functionName: string };

/** Schedules that start functions: what callers see and do. */
@Injectable()
export class CronTriggersService {
  constructor(
    private readonly database: Database,
    private readonly triggers: CronTriggersRepository,
    private readonly functions: FunctionsService,
    private readonly invocations: AsyncInvocationsService,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
  ) {}

  /** By name or id. @throws {DomainError} CRON_TRIGGER_NOT_FOUND. */
  async get(context: TenantContext, reference: string): Promise<CronTrigger> {
    const found = await this.triggers.find(context, reference);
    if (!found) throw cronTriggerNotFound();
    return this.named(context, found);
  }

  async list(context: TenantContext, request: PageRequest, name?: string): Promise<Page<CronTrigger>> {
    const { items, nextCursor } = await this.triggers.findPage(context, request, name);
    const names = await this.functions.namesOf(context, items.map(({ functionId }) => functionId));
    return { items: items.map((row) => ({ ...row, functionName: names.get(row.functionId) ?? '' })), nextCursor };
  }

  /** @throws {DomainError} CRON_TRIGGER_INVALID, CRON_TRIGGER_NAME_TAKEN, CRON_TRIGGER_FUNCTION_NOT_FOUND, TOO_MANY_CRON_TRIGGERS, FUNCTION_DELETING. */
  create(context: TenantContext, body: CronTriggerBody): Promise<CronTrigger> {
    return this.claiming(body.name, () => this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const { name, function: functionName, ...settings } = valid(body);
      const functionId = await this.functionOf(context, functionName);
      if ((await this.triggers.countLocked(context)) >= MOST_CRON_TRIGGERS) throw tooManyCronTriggers(MOST_CRON_TRIGGERS);
      if (await this.triggers.find(context, name)) throw cronTriggerNameTaken(name);
      const now = await this.triggers.now(context);
      const row = await this.triggers.add(context, {
        tenantId: context.tenantId, id: randomUUID(), name, functionId, settings, nextRunAt: nextRun(settings, now), lastRunAt: null, lastInvocationId: null,
        skippedRuns: '0', lastSkippedAt: null, lastSkipReason: null, version: 1, createdAt: now, updatedAt: now,
      });
      await this.audit.record(context, { action: 'cron-trigger.create', target: targetOf(row), after: bodyOf(row, functionName) });
      await this.triggers.announce(context);
      return { ...row, functionName };
    }));
  }

  /** RFC 7396 over what the client sent last. A new schedule counts from now. @throws {DomainError} CRON_TRIGGER_NOT_FOUND, ETAG_MISMATCH and what {@link create} throws. */
  patch(context: TenantContext, reference: string, patch: CronTriggerPatch, expected: ExpectedEtag): Promise<CronTrigger> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const row = await this.locked(context, reference, expected);
      const before = bodyOf(row, (await this.named(context, row)).functionName);
      const after = valid(mergePatch(before, patch) as CronTriggerBody);
      if (isSame(before, after)) return this.named(context, row);
      const { name: _, function: functionName, ...settings } = after;
      const functionId = functionName === before.function ? row.functionId : await this.functionOf(context, functionName);
      const now = await this.triggers.now(context);
      const nextRunAt = isSame(timesOf(before), timesOf(after)) ? row.nextRunAt : nextRun(settings, now);
      const change = { functionId, settings, nextRunAt, version: row.version + 1, updatedAt: now };
      await this.triggers.update(context, row.id, change);
      await this.audit.record(context, { action: 'cron-trigger.update', target: targetOf(row), before, after });
      await this.triggers.announce(context);
      return { ...row, ...change, functionName };
    });
  }

  /** What was accepted before is run all the same. @throws {DomainError} CRON_TRIGGER_NOT_FOUND, ETAG_MISMATCH. */
  delete(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<CronTrigger> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const trigger = await this.named(context, await this.locked(context, reference, expected));
      await this.triggers.remove(context, trigger.id);
      await this.audit.record(context, { action: 'cron-trigger.delete', target: targetOf(trigger), before: bodyOf(trigger, trigger.functionName) });
      return trigger;
    });
  }

  /** Once more and now, whatever its schedule, suspension and concurrency policy say. @throws {DomainError} CRON_TRIGGER_NOT_FOUND, FUNCTION_NOT_FOUND while the function is being deleted, ASYNC_QUEUE_FULL. */
  runNow(context: TenantContext, reference: string): Promise<AsyncInvocation> {
    return this.database.transaction(context, async () => {
      const { id, name, functionId, settings } = await this.get(context, reference);
      const { path, maxAttempts, maxAgeSeconds } = effectiveSettings(settings);
      const accepted = await this.invocations.accept(context, {
        function: functionId, method: 'POST', path, headers: settings.headers ?? {}, body: requestBody(settings), maxAttempts, maxAgeSeconds, scheduledFor: undefined, trigger: { id, name }, pointer: '/',
      });
      await this.audit.record(context, { action: 'cron-trigger.run', target: { kind: 'cron-trigger', id, name } });
      return accepted;
    });
  }

  private async locked(context: TenantContext, reference: string, expected: ExpectedEtag): Promise<CronTriggerEntity> {
    const row = await this.triggers.find(context, reference, { lock: true });
    if (!row) throw cronTriggerNotFound();
    checkEtag(expected, row);
    return row;
  }

  /** The function that a trigger may be added to. */
  private async functionOf(context: TenantContext, name: string): Promise<string> {
    const fn = await this.functions.get(context, name).catch((error: unknown) => {
      throw error instanceof DomainError && error.kind === 'not-found' ? cronTriggerFunctionNotFound(name) : error;
    });
    // Answered as it was sent: the name.
    if (fn.name !== name) throw cronTriggerInvalid([{ pointer: '/function', message: `must be the function's name, ${fn.name}` }]);
    if (fn.state === 'deleting') throw functionDeleting(name);
    return fn.id;
  }

  private async named(context: TenantContext, row: CronTriggerEntity): Promise<CronTrigger> {
    return { ...row, functionName: (await this.functions.namesOf(context, [row.functionId])).get(row.functionId) ?? '' };
  }

  /** Who comes second is told so, whoever was first. */
  private async claiming<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isUniqueViolation(error, 'cron_trigger_name') ? cronTriggerNameTaken(name) : error;
    }
  }
}

function valid(body: CronTriggerBody): CronTriggerBody {
  const given = withoutAbsent(body);
  const problems = cronTriggerProblems(given);
  if (problems.length > 0) throw cronTriggerInvalid(problems);
  return given;
}

function nextRun(settings: CronTriggerSettings, now: Date): Date | null {
  const { timeZone, suspended } = effectiveSettings(settings);
  const next = suspended ? undefined : nextDue(settings.schedule, timeZone, now.getTime());
  return next === undefined ? null : new Date(next);
}

/** What decides when it is due. */
function timesOf(settings: CronTriggerSettings): object {
  const { timeZone, suspended } = effectiveSettings(settings);
  return { schedule: settings.schedule, timeZone, suspended };
}

function bodyOf({ name, settings }: CronTriggerEntity, functionName: string): CronTriggerBody {
  return { name, function: functionName, ...settings };
}

function targetOf({ id, name }: CronTriggerEntity): { kind: 'cron-trigger'; id: string; name: string } {
  return { kind: 'cron-trigger', id, name };
}
