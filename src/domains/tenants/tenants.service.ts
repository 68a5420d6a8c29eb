import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { tenantNotFound } from '../../platform/auth/access.guard.js';
import type { SystemContext, TenantContext } from '../../platform/context/context.js';
import { Database, isForeignKeyViolation, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { EventsService } from '../events/events.service.js';
import type { EventFacts } from '../events/platform-event.js';
import { OperationsService, type Operation } from '../operations/operations.service.js';
import type { TenantEntity } from './store/tenant.entity.js';
import { TenantsRepository, type TenantAudience } from './store/tenants.repository.js';
import type { SpendReached, SuspensionLevel } from './tenant-state.js';
import { TenantParticipants } from './tenant-participants.js';
import { planNotFound, planNotYours, tenantDeleting, tenantNameTaken, tenantSuspended, timeZoneUnknown } from './tenants.errors.js';

/** Kind of the job that brings one tenant's world in line; its key is the tenant's id. */
export const TENANT_JOB = 'tenant';

export interface CreateTenant {
  name: string;
  displayName?: string;
  labels?: Record<string, string>;
  plan?: string;
  timeZone?: string;
}

export interface ChangeTenant {
  displayName?: string | null;
  labels?: Record<string, string | null> | null;
  plan?: string;
  timeZone?: string;
}

export interface TenantWithOperation {
  tenant: TenantEntity;
  operation: Operation;
}

const DEFAULT_PLAN = 'standard';

@Injectable()
export class TenantsService {
  constructor(
    private readonly database: Database,
    private readonly tenants: TenantsRepository,
    private readonly participants: TenantParticipants,
    private readonly audit: AuditService,
    private readonly operations: OperationsService,
    private readonly jobs: JobQueue,
    private readonly events: EventsService,
  ) {}

  /** Writes the tenant with everything its participants add (the caller becomes its owner) and asks for its placement. */
  async create(context: SystemContext, command: CreateTenant): Promise<TenantWithOperation> {
    const now = new Date();
    const tenant: TenantEntity = {
      id: randomUUID(), name: command.name, displayName: command.displayName ?? '', labels: command.labels ?? {}, plan: command.plan ?? DEFAULT_PLAN,
      timeZone: command.timeZone ?? 'UTC', state: 'active', suspension: 'none', spendReached: null, generation: 1, observedGeneration: 0,
      conditions: [
        { type: 'Ready', status: 'False', reason: 'Accepted', message: 'The tenant is being set up.', lastTransitionTime: now.toISOString() },
        { type: 'Reconciling', status: 'True', reason: 'Accepted', message: 'The tenant is being set up.', lastTransitionTime: now.toISOString() },
      ],
      version: 1, createdAt: now, updatedAt: now, deletedAt: null,
    };
    checkTimeZone(tenant.timeZone);
    try {
      return await this.database.transaction(context, async () => {
        await this.tenants.insert(context, tenant);
        const own = this.ownContext(context, tenant);
        for (const participant of this.participants.rising()) await participant.created?.(own, tenant);
        await this.audit.record(own, { action: 'tenant.create', target: { kind: 'tenant', id: tenant.id, name: tenant.name }, after: facts(tenant) });
        return { tenant, operation: await this.startWork(own, tenant, 'tenant.create') };
      });
    } catch (error) {
      if (isUniqueViolation(error, 'tenant_name_key')) throw tenantNameTaken(command.name);
      if (isForeignKeyViolation(error)) throw planNotFound(tenant.plan);
      throw error;
    }
  }

  /** The context's tenant. */
  async get(context: TenantContext): Promise<TenantEntity> {
    const tenant = await this.tenants.getOwn(context);
    if (!tenant) throw tenantNotFound();
    return tenant;
  }

  /** For the platform's own roles also a deleted one: what it used stays billable. */
  async getWithEnded(context: TenantContext): Promise<TenantEntity> {
    const tenant = await this.tenants.findAny(context, context.tenantId);
    if (!tenant || (tenant.state === 'deleted' && context.principal.platformRoles.length === 0)) throw tenantNotFound();
    return tenant;
  }

  list(context: SystemContext, audience: TenantAudience, request: PageRequest, name?: string): Promise<Page<TenantEntity>> {
    return this.tenants.findPage(context, audience, request, name);
  }

  async change(context: TenantContext, command: ChangeTenant, expected: ExpectedEtag): Promise<TenantWithOperation> {
    if (command.timeZone !== undefined) checkTimeZone(command.timeZone);
    try {
      return await this.database.transaction(context, async () => {
        const before = await this.lock(context, expected);
        demandNotFrozen(context, before);
        if (command.plan !== undefined && command.plan !== before.plan && !context.permissions.has('quota:manage')) throw planNotYours();
        const tenant = { ...before, ...mergeChange(before, command), generation: before.generation + 1, version: before.version + 1, updatedAt: new Date() };
        await this.tenants.update(context, tenant.id, tenant);
        for (const participant of this.participants.rising()) await participant.changed?.(context, tenant);
        await this.audit.record(context, { action: 'tenant.update', target: { kind: 'tenant', id: tenant.id, name: tenant.name }, before: facts(before), after: facts(tenant) });
        return { tenant, operation: await this.startWork(context, tenant, 'tenant.update') };
      });
    } catch (error) {
      if (isForeignKeyViolation(error)) throw planNotFound(command.plan ?? '');
      throw error;
    }
  }

  /** Sets the level of suspension; only operators of the platform may. */
  async suspend(context: TenantContext, level: SuspensionLevel, expected: ExpectedEtag): Promise<TenantWithOperation> {
    return this.database.transaction(context, async () => {
      const before = await this.lock(context, expected);
      const tenant = { ...before, suspension: level, generation: before.generation + 1, version: before.version + 1, updatedAt: new Date() };
      await this.tenants.update(context, tenant.id, tenant);
      await this.audit.record(context, { action: 'tenant.suspend', target: { kind: 'tenant', id: tenant.id, name: tenant.name }, before: facts(before), after: facts(tenant) });
      if (level !== before.suspension) await this.events.record(context, { type: level === 'none' ? 'tenant.resumed' : 'tenant.suspended', subject: 'suspension', data: { level, before: before.suspension } });
      return { tenant, operation: await this.startWork(context, tenant, 'tenant.suspend') };
    });
  }

  /** The month has cost what it may (or null: it has not), as whoever prices it found. The gateways hear of it with the access list. */
  async setSpending(context: TenantContext, reached: SpendReached | null): Promise<void> {
    await this.database.transaction(context, async () => {
      const tenant = await this.tenants.lockOwn(context);
      if (tenant?.state !== 'active' || isSameLimit(tenant.spendReached, reached)) return;
      await this.tenants.update(context, tenant.id, { spendReached: reached });
      await this.audit.record(context, { action: 'tenant.spending', target: { kind: 'tenant', id: tenant.id, name: tenant.name }, before: tenant.spendReached, after: reached });
      await this.events.record(context, spendingEvent(reached ?? tenant.spendReached, reached !== null));
      await this.requestReconcile(context);
    });
  }

  /** Starts the deletion; asked again it answers the same. The row stays visible until the last trace on every cluster is gone. */
  async delete(context: TenantContext, expected: ExpectedEtag): Promise<TenantWithOperation> {
    return this.database.transaction(context, async () => {
      const before = await this.lock(context, expected, { deletingToo: true });
      demandNotFrozen(context, before);
      const tenant = before.state === 'deleting' ? before : { ...before, state: 'deleting' as const, generation: before.generation + 1, version: before.version + 1, updatedAt: new Date() };
      await this.tenants.update(context, tenant.id, tenant);
      await this.audit.record(context, { action: 'tenant.delete', target: { kind: 'tenant', id: tenant.id, name: tenant.name }, before: facts(before) });
      return { tenant, operation: await this.startWork(context, tenant, 'tenant.delete') };
    });
  }

  /**
   * For every domain that writes into a tenant: refuses while it is being deleted or its writes are frozen. Joins the open transaction.
   * @param options `whileSuspended` for what only takes access away: a leaked key must end also then
   */
  async requireWritable(context: TenantContext, options: { whileSuspended?: boolean } = {}): Promise<TenantEntity> {
    const tenant = await this.tenants.holdOwn(context);
    if (!tenant) throw tenantNotFound();
    if (tenant.state !== 'active') throw tenantDeleting();
    if (tenant.suspension !== 'none' && !options.whileSuspended) throw tenantSuspended();
    return tenant;
  }

  /** Asks for the tenant to be looked at again (its quota or placement changed). */
  requestReconcile(context: TenantContext): Promise<void> {
    return this.jobs.enqueue(context, { kind: TENANT_JOB, key: context.tenantId, group: context.tenantId });
  }

  private async lock(context: TenantContext, expected: ExpectedEtag, options: { deletingToo?: boolean } = {}): Promise<TenantEntity> {
    const tenant = await this.tenants.lockOwn(context);
    if (!tenant) throw tenantNotFound();
    checkEtag(expected, tenant);
    if (tenant.state !== 'active' && !options.deletingToo) throw tenantDeleting();
    return tenant;
  }

  private async startWork(context: TenantContext, tenant: TenantEntity, kind: string): Promise<Operation> {
    const operation = await this.operations.start(context, kind, { kind: 'tenant', id: tenant.id, name: tenant.name, generation: tenant.generation });
    await this.jobs.enqueue(context, { kind: TENANT_JOB, key: tenant.id, group: tenant.id });
    return operation;
  }

  private ownContext(context: SystemContext, tenant: TenantEntity): TenantContext {
    return { scope: 'tenant', tenantId: tenant.id, tenantName: tenant.name, principal: context.principal, permissions: new Set(), requestId: context.requestId };
  }
}

function facts(tenant: TenantEntity): Partial<TenantEntity> {
  const { id, name, plan, suspension, generation, labels, displayName, timeZone } = tenant;
  return { id, name, plan, suspension, generation, labels, displayName, timeZone };
}

/** Those who may suspend a tenant may also change and delete it while it is suspended; it itself may not. */
function demandNotFrozen(context: TenantContext, tenant: TenantEntity): void {
  if (tenant.suspension !== 'none' && !context.permissions.has('tenant:suspend')) throw tenantSuspended();
}

/** What was spent grows on; it is kept as it was when the limit was reached. */
function isSameLimit(before: SpendReached | null, after: SpendReached | null): boolean {
  return before === null || after === null ? before === after : before.month === after.month && before.limit === after.limit && before.currency === after.currency;
}

/** What was spent is for those who read bills. */
function spendingEvent(limit: SpendReached | null, isReached: boolean): EventFacts {
  return { type: isReached ? 'spend.limit-reached' : 'spend.limit-lifted', subject: 'spending', data: { month: limit?.month, limit: limit?.limit, currency: limit?.currency } };
}

/** RFC 7396: null removes. */
function mergeChange(before: TenantEntity, command: ChangeTenant): Partial<TenantEntity> {
  const labels = command.labels === null ? {} : Object.fromEntries(Object.entries({ ...before.labels, ...command.labels }).filter((entry): entry is [string, string] => entry[1] !== null));
  return {
    displayName: command.displayName === undefined ? before.displayName : command.displayName ?? '',
    labels,
    plan: command.plan ?? before.plan,
    timeZone: command.timeZone ?? before.timeZone,
  };
}

function checkTimeZone(name: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
  } catch {
    throw timeZoneUnknown();
  }
}
