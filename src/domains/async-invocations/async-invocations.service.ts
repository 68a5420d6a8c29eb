import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { FUNCTION_NAME } from '../../contract/names.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { UUID } from '../functions/function-rules.policy.js';
import { functionNotFound } from '../functions/functions.errors.js';
import { FunctionsService } from '../functions/functions.service.js';
import type { InvocationMethod } from '../invocations/invocation-request.policy.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { acceptedTotal } from './async-invocation-metrics.js';
import { MOST_BODY_BYTES, type AsyncState, type SourceTrigger } from './async-invocation-states.js';
import { asyncInvocationInvalid, asyncInvocationNotFailed, asyncInvocationNotFound, asyncInvocationRunning, asyncInvocationTooLarge, asyncResultNotFound } from './async-invocations.errors.js';
import { requestProblems } from './async-request.policy.js';
import { QueueBound } from './queue-bound.js';
import type { AsyncInvocationEntity } from './store/async-invocation.entity.js';
import { AsyncInvocationsRepository } from './store/async-invocations.repository.js';

/** Most that one call redrives or purges. */
const MOST_AT_ONCE = 1_000;

export interface AcceptInvocation {
  /** Name or id of the function. */
  function: string;
  method: InvocationMethod;
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
  /** Undefined: as the function's policy says. */
  maxAttempts: number | undefined;
  maxAgeSeconds: number | undefined;
  /** Not before this time. */
  scheduledFor: Date | undefined;
  /** That was asked to run now. */
  trigger?: SourceTrigger | undefined;
  /** What pointers of the transport's parameters begin with. */
  pointer: '?' | '/';
}

/** An accepted invocation and the name of its function. */
export type AsyncInvocation = AsyncInvocationEntity & { functionName: string };

export interface AsyncInvocationFilter {
  /** Name or id. */
  function?: string | undefined;
  state?: AsyncState | undefined;
  /** Name or id of the trigger they come from, which may be gone by now. */
  trigger?: string | undefined;
}

/** What a function answered at the last try of an invocation that has ended. */
export interface AsyncResult {
  status: number;
  revision: number | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  body: Buffer;
}

export interface BulkOutcome {
  count: number;
  /** Whether another call would find some. */
  more: boolean;
}

/** Invocations that are accepted now and run by the workers: what callers see and do. */
@Injectable()
export class AsyncInvocationsService {
  constructor(
    private readonly database: Database,
    private readonly rows: AsyncInvocationsRepository,
    private readonly bound: QueueBound,
    private readonly functions: FunctionsService,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Durable once this resolves. Takes a single statement: it is the way of many requests.
   * @throws {DomainError} FUNCTION_NOT_FOUND (also while it is being deleted), ASYNC_INVOCATION_INVALID, ASYNC_INVOCATION_TOO_LARGE, ASYNC_QUEUE_FULL.
   */
  async accept(context: TenantContext, command: AcceptInvocation): Promise<AsyncInvocation> {
    const { pointer, ...row } = command;
    const problems = requestProblems(row, pointer, new Date());
    if (problems.length > 0) throw asyncInvocationInvalid(problems);
    if (row.body && row.body.length > MOST_BODY_BYTES) throw asyncInvocationTooLarge(row.body.length);
    if (!UUID.test(row.function) && !FUNCTION_NAME.test(row.function)) throw functionNotFound();
    await this.bound.admit(context);
    const accepted = await this.rows.accept(context, { ...row, trigger: row.trigger, id: randomUUID() });
    if (!accepted) throw functionNotFound();
    this.database.afterCommit(() => acceptedTotal.inc());
    return accepted;
  }

  /** @throws {DomainError} ASYNC_INVOCATION_NOT_FOUND. */
  async get(context: TenantContext, id: string): Promise<AsyncInvocation> {
    return this.named(context, await this.found(context, id));
  }

  /** Oldest first. @throws {DomainError} FUNCTION_NOT_FOUND. */
  async list(context: TenantContext, request: PageRequest, filter: AsyncInvocationFilter = {}): Promise<Page<AsyncInvocation>> {
    const functionId = filter.function === undefined ? undefined : (await this.functions.get(context, filter.function)).id;
    const { items, nextCursor } = await this.rows.findPage(context, request, { functionId, state: filter.state, trigger: filter.trigger });
    const names = await this.functions.namesOf(context, items.map((row) => row.functionId));
    return { items: items.map((row) => ({ ...row, functionName: names.get(row.functionId) ?? '' })), nextCursor };
  }

  /** @throws {DomainError} ASYNC_INVOCATION_NOT_FOUND; ASYNC_RESULT_NOT_FOUND until it has ended, and where the function gave no answer or too large a one. */
  async result(context: TenantContext, id: string): Promise<AsyncResult> {
    const row = await this.rows.findResult(context, id);
    if (!row) throw asyncInvocationNotFound();
    const hasEnded = row.state === 'succeeded' || row.state === 'failed';
    if (!hasEnded || !row.result || row.status === null) throw asyncResultNotFound(hasEnded && row.resultTooLarge);
    return { status: row.status, revision: row.revision ?? undefined, contentType: row.resultType ?? undefined, contentEncoding: row.resultEncoding ?? undefined, body: row.result };
  }

  /** Tries and age start anew. @throws {DomainError} ASYNC_INVOCATION_NOT_FOUND, ETAG_MISMATCH, ASYNC_INVOCATION_NOT_FAILED, ASYNC_QUEUE_FULL. */
  redrive(context: TenantContext, id: string, expected: ExpectedEtag): Promise<AsyncInvocation> {
    return this.database.transaction(context, async () => {
      const row = await this.locked(context, id, expected);
      if (row.state !== 'failed') throw asyncInvocationNotFailed(row.state);
      await this.bound.admit(context);
      await this.rows.redrive(context, [row.id]);
      await this.audit.record(context, { action: 'async-invocation.redrive', target: { kind: 'async-invocation', id: row.id } });
      return this.get(context, row.id);
    });
  }

  /** Takes back one that waits, or forgets one that has ended; answers it as it was. @throws {DomainError} ASYNC_INVOCATION_NOT_FOUND, ETAG_MISMATCH, ASYNC_INVOCATION_RUNNING. */
  delete(context: TenantContext, id: string, expected: ExpectedEtag): Promise<AsyncInvocation> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const row = await this.locked(context, id, expected);
      if (row.state === 'running') throw asyncInvocationRunning();
      await this.rows.remove(context, [row.id]);
      await this.audit.record(context, { action: 'async-invocation.delete', target: { kind: 'async-invocation', id: row.id } });
      return this.named(context, row);
    });
  }

  /** Failed ones of the tenant or of one function, those that failed first. @throws {DomainError} FUNCTION_NOT_FOUND, ASYNC_QUEUE_FULL. */
  redriveFailed(context: TenantContext, functionReference?: string): Promise<BulkOutcome> {
    return this.database.transaction(context, () => this.onFailed(context, 'async-invocation.redrive', functionReference, async (ids) => {
      await this.bound.admit(context, ids.length);
      await this.rows.redrive(context, ids);
    }));
  }

  /** @throws {DomainError} FUNCTION_NOT_FOUND. */
  purgeFailed(context: TenantContext, functionReference?: string): Promise<BulkOutcome> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      return this.onFailed(context, 'async-invocation.purge', functionReference, (ids) => this.rows.remove(context, ids));
    });
  }

  private async onFailed(context: TenantContext, action: string, functionReference: string | undefined, work: (ids: string[]) => Promise<void>): Promise<BulkOutcome> {
    const fn = functionReference === undefined ? undefined : await this.functions.get(context, functionReference);
    const found = await this.rows.findFailedLocked(context, fn?.id, MOST_AT_ONCE + 1);
    const ids = found.slice(0, MOST_AT_ONCE);
    if (ids.length > 0) await work(ids);
    const target = fn ? { kind: 'function', id: fn.id, name: fn.name } : { kind: 'tenant', id: context.tenantId, name: context.tenantName };
    await this.audit.record(context, { action, target, after: { count: ids.length } });
    return { count: ids.length, more: found.length > ids.length };
  }

  private async locked(context: TenantContext, id: string, expected: ExpectedEtag): Promise<AsyncInvocationEntity> {
    const row = await this.rows.find(context, id, { lock: true });
    if (!row) throw asyncInvocationNotFound();
    checkEtag(expected, row);
    return row;
  }

  private async found(context: TenantContext, id: string): Promise<AsyncInvocationEntity> {
    const row = await this.rows.find(context, id);
    if (!row) throw asyncInvocationNotFound();
    return row;
  }

  private async named(context: TenantContext, row: AsyncInvocationEntity): Promise<AsyncInvocation> {
    return { ...row, functionName: (await this.functions.namesOf(context, [row.functionId])).get(row.functionId) ?? '' };
  }
}
