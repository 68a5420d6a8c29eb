import { createHash, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Context, SystemContext, TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import type { Refusal } from '../../platform/audit/refusal-log.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import type { AuditFilter, PlatformAuditFilter } from './audit-filter.js';
import { exportRange } from './export-range.policy.js';
import { AuditRepository } from './store/audit.repository.js';
import type { AuditEntryEntity } from './store/audit-entry.entity.js';

export interface AuditFact {
  /** `function.deploy`, `secret.update`... */
  action: string;
  target: { kind: string; id: string; name?: string };
  /** The tenant it belongs to, where the context is the system's. */
  tenantId?: string;
  /** Hashed, never kept: tells whether and when something changed without holding what. Nothing that must not be guessed. */
  before?: unknown;
  after?: unknown;
}

/** Rows a batch of an export: what it holds in memory at a time. */
const BATCH = 500;

/** Who did what to which thing, written in the transaction that does it; rows are append-only by database privileges. */
@Injectable()
export class AuditService {
  constructor(
    private readonly database: Database,
    private readonly entries: AuditRepository,
  ) {}

  async record(context: Context, fact: AuditFact): Promise<void> {
    await this.entries.append(context, {
      ...entryOf(context, fact.tenantId), action: fact.action, targetKind: fact.target.kind, targetId: fact.target.id, targetName: fact.target.name ?? '',
      result: 'done', code: null, beforeHash: hash(fact.before), afterHash: hash(fact.after),
    });
  }

  /** Outside the transaction that is being rolled back: the refusal stays. */
  async refuse(context: Context, { action, code, target }: Refusal): Promise<void> {
    await this.database.outside(() => this.entries.append(context, {
      ...entryOf(context), action, targetKind: target.kind, targetId: target.id, targetName: target.name, result: 'refused', code, beforeHash: null, afterHash: null,
    }));
  }

  /** The tenant's own entries, newest first. */
  list(context: TenantContext, request: PageRequest, filter: AuditFilter = {}): Promise<Page<AuditEntryEntity>> {
    return this.entries.findPage(context, filter, request);
  }

  /** Entries of all tenants and of none, newest first. */
  listAll(context: SystemContext, request: PageRequest, filter: PlatformAuditFilter = {}): Promise<Page<AuditEntryEntity>> {
    return this.entries.findPage(context, filter, request);
  }

  /**
   * Everything in a time range, oldest first, batch by batch: each is read when it is asked for, in a transaction of its own.
   * @throws {DomainError} AUDIT_RANGE_INVALID, AUDIT_RANGE_TOO_LONG, at once.
   */
  export(context: TenantContext, filter: AuditFilter): AsyncGenerator<AuditEntryEntity[]> {
    return this.batches(context, { ...filter, ...exportRange(filter, new Date()) });
  }

  /** The same over all tenants. */
  exportAll(context: SystemContext, filter: PlatformAuditFilter): AsyncGenerator<AuditEntryEntity[]> {
    return this.batches(context, { ...filter, ...exportRange(filter, new Date()) });
  }

  private async *batches(context: Context, filter: PlatformAuditFilter): AsyncGenerator<AuditEntryEntity[]> {
    let batch: AuditEntryEntity[];
    let last: AuditEntryEntity | undefined;
    do {
      batch = await this.entries.findBatch(context, filter, last, BATCH);
      last = batch.at(-1);
      if (batch.length > 0) yield batch;
    } while (batch.length === BATCH);
  }
}

function entryOf(context: Context, tenantId: string | null = null): Pick<AuditEntryEntity, 'id' | 'tenantId' | 'at' | 'principal' | 'requestId'> {
  return { id: randomUUID(), tenantId: context.scope === 'tenant' ? context.tenantId : tenantId, at: new Date(), principal: context.principal.key, requestId: context.requestId };
}

/** Over JSON with sorted names: what means the same has the same hash, so that one change's `after` is the next one's `before`. */
function hash(value: unknown): string | null {
  return value === undefined ? null : createHash('sha256').update(canonicalJson(value)).digest('hex');
}
