import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import type { OperationEntity } from './store/operation.entity.js';
import { OperationsRepository, type OperationOutcome } from './store/operations.repository.js';

/** As other domains hand it on to their APIs. */
export type Operation = OperationEntity;

export interface OperationTarget {
  kind: string;
  id: string;
  name: string;
  generation: number;
}

/** Work that goes on after the answer: one row for each request answered with 202. */
@Injectable()
export class OperationsService {
  constructor(private readonly operations: OperationsRepository) {}

  /** Starts an operation in the caller's transaction; earlier ones on the same target are superseded. */
  async start(context: TenantContext, kind: string, target: OperationTarget): Promise<OperationEntity> {
    // Of the first generation there is nothing earlier.
    if (target.generation > 1) await this.operations.finish(context, target.id, { state: 'superseded', reason: 'Superseded', message: 'A later change took the place of this one.' }, { generation: target.generation, exclusive: true });
    return this.operations.add(context, {
      id: randomUUID(), tenantId: context.tenantId, kind, targetKind: target.kind, targetId: target.id, targetName: target.name, generation: target.generation,
      state: 'running', reason: null, message: null, createdAt: new Date(), finishedAt: null,
    });
  }

  /** Ends what still runs for the target, up to and with `generation`. */
  finish(context: TenantContext, targetId: string, outcome: OperationOutcome, generation?: number): Promise<void> {
    return this.operations.finish(context, targetId, outcome, generation === undefined ? undefined : { generation, exclusive: false });
  }

  /** @throws {DomainError} OPERATION_NOT_FOUND */
  async get(context: TenantContext, id: string): Promise<OperationEntity> {
    const found = /^[0-9a-f-]{36}$/.test(id) ? await this.operations.find(context, id) : null;
    if (!found) throw new DomainError('not-found', 'OPERATION_NOT_FOUND', 'There is no such operation, or it is not visible to you.');
    return found;
  }

  list(context: TenantContext, request: PageRequest): Promise<Page<OperationEntity>> {
    return this.operations.findPage(context, request);
  }
}
