import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { AuditService } from '../audit/audit.service.js';
import { OperationsService, type Operation } from '../operations/operations.service.js';
import { FunctionNews } from './function-news.js';
import type { RolloutVerb } from './rollout.policy.js';

/** Kind of the job that brings one function's world in line. */
export const FUNCTION_JOB = 'function';

export function functionJobKey(tenantId: string, functionId: string): string {
  return `${tenantId}/${functionId}`;
}

/** What is done to functions, as audit entries and operations name it. */
export type FunctionAction = 'function.deploy' | 'function.update' | 'function.delete' | 'function.rollback' | `rollout.${RolloutVerb}`;

export interface FunctionFacts {
  id: string;
  name: string;
  generation: number;
  targetRevision: number;
}

/** What follows from every change of a function, in its transaction: the audit entry, the operation, the job. */
@Injectable()
export class FunctionChanges {
  constructor(
    private readonly audit: AuditService,
    private readonly operations: OperationsService,
    private readonly jobs: JobQueue,
    private readonly news: FunctionNews,
  ) {}

  async record(context: TenantContext, action: FunctionAction, fn: FunctionFacts, facts: { before?: unknown; after?: unknown }): Promise<Operation> {
    await this.audit.record(context, { action, target: { kind: 'function', id: fn.id, name: fn.name }, ...facts });
    const operation = await this.operations.start(context, action, { kind: 'function', id: fn.id, name: fn.name, generation: fn.generation });
    await this.enqueue(context, fn.id);
    if (action === 'function.deploy') await this.news.deployed(context, fn);
    return operation;
  }

  /** The pin of one of its revisions changed: nothing on the clusters follows from it. */
  async recordPin(context: TenantContext, fn: FunctionFacts, before: object, after: object): Promise<void> {
    await this.audit.record(context, { action: 'revision.pin', target: { kind: 'function', id: fn.id, name: fn.name }, before, after });
  }

  /** Asks for the function to be looked at again. */
  enqueue(context: TenantContext, functionId: string, delayMs?: number): Promise<void> {
    return this.jobs.enqueue(context, { kind: FUNCTION_JOB, key: functionJobKey(context.tenantId, functionId), group: context.tenantId, delayMs });
  }
}
