import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { readSourceArchive, type ArchiveFormat } from '../../platform/archives/source-archive.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { AuditService } from '../audit/audit.service.js';
import { QuotaAdmission } from '../tenants/quota-admission.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { atPointer, codeDigestInvalid, codeDigestMismatch, codeEmpty, codeNotFound, codeTooLarge } from './functions.errors.js';
import type { CodeArchiveEntity } from './store/code-archive.entity.js';
import { CodeRepository } from './store/code.repository.js';

const MIB = 1024 * 1024;
const LIMIT_MB = 20;
/** An archive nothing uses is kept this long after its last upload, so that an upload and the deployment it is for may lie apart. */
const UNUSED_HOURS = 24;
const BATCH = 100;
const HOUR_MS = 3_600_000;

/** Kind of the job that looks after one tenant's archives; its key is the tenant's id. */
export const CODE_JOB = 'code';

const DIGEST = /^[0-9a-f]{64}$/;

export interface StoredCode {
  archive: CodeArchiveEntity;
  created: boolean;
}

/** Source archives, kept by the SHA-256 of what was uploaded. */
@Injectable()
export class CodeService {
  constructor(
    private readonly database: Database,
    private readonly archives: CodeRepository,
    private readonly tenants: TenantsService,
    private readonly quotas: QuotaAdmission,
    private readonly audit: AuditService,
    private readonly jobs: JobQueue,
  ) {}

  /**
   * Keeps an archive once its digest and its content are checked; the same one again changes nothing but its age.
   * @throws {DomainError} CODE_DIGEST_INVALID, CODE_DIGEST_MISMATCH, CODE_EMPTY, CODE_TOO_LARGE, ARCHIVE_*, QUOTA_EXCEEDED (codeMb).
   */
  async put(context: TenantContext, digest: string, bytes: Buffer, format: ArchiveFormat): Promise<StoredCode> {
    if (!DIGEST.test(digest)) throw codeDigestInvalid();
    if (bytes.length === 0) throw codeEmpty();
    if (bytes.length > LIMIT_MB * MIB) throw codeTooLarge(LIMIT_MB);
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== digest) throw codeDigestMismatch(found);
    const known = await this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      return this.archives.touch(context, digest);
    });
    if (known) return { archive: known, created: false };
    await demandSafe(bytes, format);
    return this.keep(context, { tenantId: context.tenantId, digest, format, sizeBytes: bytes.length, content: bytes, createdAt: new Date(), usedAt: new Date() });
  }

  /** Metadata. @throws {DomainError} CODE_NOT_FOUND. */
  async get(context: TenantContext, digest: string): Promise<CodeArchiveEntity> {
    const found = DIGEST.test(digest) ? await this.archives.find(context, digest) : null;
    if (!found) throw codeNotFound();
    return found;
  }

  /** For a deployment: false when there is no such archive; else it stays until the caller's transaction ends. */
  hold(context: TenantContext, digest: string): Promise<boolean> {
    return this.archives.hold(context, digest);
  }

  /** The archive itself, or null. */
  read(context: TenantContext, digest: string): Promise<Buffer | null> {
    return this.archives.read(context, digest);
  }

  /** Deletes archives nothing uses, a batch; true when there may be more. @param hours since their last upload */
  async removeUnused(context: TenantContext, hours: number = UNUSED_HOURS): Promise<boolean> {
    return this.database.transaction(context, async () => {
      const removed = await this.archives.removeUnused(context, hours, BATCH);
      for (const digest of removed) {
        await this.quotas.release(context, holderOf(digest));
        await this.audit.record(context, { action: 'code.delete', target: { kind: 'code', id: digest } });
      }
      return removed.length === BATCH;
    });
  }

  hasAny(context: TenantContext): Promise<boolean> {
    return this.archives.hasAny(context);
  }

  private keep(context: TenantContext, row: CodeArchiveEntity & { content: Buffer }): Promise<StoredCode> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const created = await this.archives.insertIfNew(context, row);
      if (!created) return { archive: await this.get(context, row.digest), created };
      await this.quotas.reserve(context, holderOf(row.digest), { codeMb: Math.ceil(row.sizeBytes / MIB) });
      await this.audit.record(context, { action: 'code.upload', target: { kind: 'code', id: row.digest }, after: { digest: row.digest, sizeBytes: row.sizeBytes } });
      await this.jobs.enqueue(context, { kind: CODE_JOB, key: context.tenantId, group: context.tenantId, delayMs: UNUSED_HOURS * HOUR_MS });
      return { archive: row, created };
    });
  }
}

/** Unpacks it in memory, within bounds, before a byte of it is kept: what cannot be deployed is refused at the door. */
async function demandSafe(bytes: Buffer, format: ArchiveFormat): Promise<void> {
  try {
    await readSourceArchive(bytes, format);
  } catch (error) {
    throw error instanceof DomainError ? atPointer(error, '') : error;
  }
}

function holderOf(digest: string): string {
  return `code:${digest}`;
}
