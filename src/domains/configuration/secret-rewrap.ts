import { Injectable } from '@nestjs/common';
import { systemContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { partLogger } from '../../platform/observability/logger.js';
import { AuditService } from '../audit/audit.service.js';
import { SealedHolders, type RewrapResult } from './sealed-holders.js';
import type { RowToRewrap } from './sealed-rows.js';
import { bindingOf } from './secret-binding.policy.js';
import { SealedRowsRepository, type RowPosition } from './store/sealed-rows.repository.js';

export const REWRAP_JOB = 'encryption.rewrap';

/** First digits of the secrets' ids: each part is one key of the job, so that several workers share a run. */
export const REWRAP_PARTS: readonly string[] = [...'0123456789abcdef'];

/** Rows a statement changes: small enough for a bounded transaction, large enough that the round trips do not count. */
const BATCH = 500;
/** Over the rows that others held at the first one. */
const MOST_PASSES = 5;
const log = partLogger('keys');

/**
 * Gives the data keys of sealed rows the key that seals now; values stay as they are. Nothing is remembered between batches but the rows themselves:
 * killed at any moment, a run goes on with the rows that have not the new key yet.
 */
@Injectable()
export class SecretRewrap {
  private readonly context = systemContext('rewrap');

  constructor(
    private readonly database: Database,
    private readonly envelope: Envelope,
    private readonly rows: SealedRowsRepository,
    private readonly holders: SealedHolders,
    private readonly audit: AuditService,
  ) {}

  /**
   * One part of the run that is under way; nothing without one.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE, REWRAP_ELSEWHERE when this process seals with a key of another family than the run is for.
   */
  async runPart(part: string, signal: AbortSignal): Promise<RewrapResult> {
    const total: RewrapResult = { rewrapped: 0, unreadable: 0 };
    const run = await this.rows.findOpenRun(this.context);
    if (!run) return total;
    const target = await this.envelope.currentKey();
    if (familyOf(target) !== familyOf(run.targetKey)) throw elsewhere(run.targetKey);
    for (const { id } of (await this.rows.findKeys(this.context)).filter((key) => key.id !== target && Number(key.versions) > 0)) {
      const result = await this.rewrapPart(id, target, part, signal);
      total.rewrapped += result.rewrapped;
      total.unreadable += result.unreadable;
    }
    // What other domains have sealed is little: it goes with one of the parts.
    if (part === REWRAP_PARTS[0]) {
      const others = await this.holders.rewrap(this.context, target, signal);
      if (others.rewrapped > 0) await this.rows.countOthers(this.context, others.rewrapped);
      total.rewrapped += others.rewrapped;
      total.unreadable += others.unreadable;
    }
    await this.close(part, target, total.unreadable);
    return total;
  }

  /**
   * All rows of one part that `from` wrapped, in batches. A key this process does not have is left alone: its rows are all unreadable.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE; REWRAP_BUSY when others held some of the rows each time.
   */
  async rewrapPart(from: string, to: string, part: string, signal?: AbortSignal): Promise<RewrapResult> {
    let rewrapped = 0;
    for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
      const result = await this.pass(from, to, part, signal);
      rewrapped += result.rewrapped;
      if (result.held === 0) return { rewrapped, unreadable: result.unreadable };
    }
    throw new DomainError('unavailable', 'REWRAP_BUSY', 'Some rows were in use by others each time; trying again.');
  }

  private async pass(from: string, to: string, part: string, signal?: AbortSignal): Promise<RewrapResult & { held: number }> {
    const result = { rewrapped: 0, unreadable: 0, held: 0 };
    let after: RowPosition | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const page = await this.rows.findPage(this.context, from, part, after, BATCH);
      if (page.length === 0) return result;
      const fresh = this.envelope.canOpen(from) ? await this.wrapAnew(from, to, page, signal) : [];
      const done = fresh.length > 0 ? await this.rows.rewrap(this.context, from, to, fresh) : 0;
      result.rewrapped += done;
      result.held += fresh.length - done;
      result.unreadable += page.length - fresh.length;
      after = page.at(-1);
    }
  }

  private async wrapAnew(from: string, to: string, page: readonly RowToRewrap[], signal?: AbortSignal): Promise<RowToRewrap[]> {
    const wrapped = await this.envelope.rewrap(from, to, page.map((row) => ({ wrappedKey: row.wrappedKey, boundTo: bindingOf(row.tenantId, row.secretId, row.number) })), signal);
    return page.flatMap((row, index) => (wrapped[index] ? [{ ...row, wrappedKey: wrapped[index] }] : []));
  }

  /** After the last part the keys that no row needs any more are retired. */
  private async close(part: string, target: string, unreadable: number): Promise<void> {
    await this.database.transaction(this.context, async () => {
      if (!(await this.rows.closePart(this.context, part, unreadable))) return;
      for (const id of await this.rows.retireUnused(this.context, target, () => this.holders.keysInUse(this.context))) {
        log.info({ key: id }, 'an encryption key is retired: no secret needs it any more');
        await this.audit.record(this.context, { action: 'encryption.key-retire', target: { kind: 'encryption-key', id } });
      }
    });
  }
}

/** The same for all versions of a service's key. */
function familyOf(keyId: string): string {
  return keyId.split('#', 1)[0]!;
}

function elsewhere(target: string): DomainError {
  return new DomainError('unavailable', 'REWRAP_ELSEWHERE', `The rows are being given the key ${target}, which this worker does not seal with; configure it like the API. Trying again.`);
}
