import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import { CodeArchiveEntity } from './code-archive.entity.js';

@Injectable()
export class CodeRepository extends TenantRepository<CodeArchiveEntity> {
  constructor(database: Database) {
    super(database, CodeArchiveEntity);
  }

  /** Metadata only. */
  find(context: TenantContext, digest: string): Promise<CodeArchiveEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'code').andWhere('code.digest = :digest', { digest }).getOne());
  }

  /** Keeps the archive from being deleted until the transaction ends; false when there is none. */
  hold(context: TenantContext, digest: string): Promise<boolean> {
    return this.run(context, async (manager) => {
      const rows = await manager.query<unknown[]>('SELECT 1 FROM code_archive WHERE tenant_id = $1 AND digest = $2 FOR KEY SHARE', [context.tenantId, digest]);
      return rows.length > 0;
    });
  }

  /** Metadata of an archive that was uploaded again, whose day begins anew; null when it is new. */
  touch(context: TenantContext, digest: string): Promise<CodeArchiveEntity | null> {
    return this.run(context, async (manager) => {
      await manager.query('UPDATE code_archive SET used_at = clock_timestamp() WHERE tenant_id = $1 AND digest = $2', [context.tenantId, digest]);
      return this.find(context, digest);
    });
  }

  /** False when somebody else uploaded the same meanwhile. */
  insertIfNew(context: TenantContext, row: CodeArchiveEntity & { content: Buffer }): Promise<boolean> {
    return this.run(context, async (manager) => {
      const made = await manager.query<unknown[]>(
        `INSERT INTO code_archive (tenant_id, digest, format, size_bytes, content, created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $6)
         ON CONFLICT (tenant_id, digest) DO NOTHING RETURNING digest`, [context.tenantId, row.digest, row.format, row.sizeBytes, row.content, row.createdAt]);
      return made.length > 0;
    });
  }

  read(context: TenantContext, digest: string): Promise<Buffer | null> {
    return this.run(context, async (manager) => {
      const rows = await manager.query<{ content: Buffer }[]>('SELECT content FROM code_archive WHERE tenant_id = $1 AND digest = $2', [context.tenantId, digest]);
      return rows[0]?.content ?? null;
    });
  }

  hasAny(context: TenantContext): Promise<boolean> {
    return this.run(context, async (manager) => (await manager.query<unknown[]>('SELECT 1 FROM code_archive WHERE tenant_id = $1 LIMIT 1', [context.tenantId])).length > 0);
  }

  /**
   * Deletes up to `limit` archives no revision names, `hours` after their last upload, and answers their digests. What a
   * deployment holds at this moment is left alone: it is locked first and looked at again after the lock.
   */
  removeUnused(context: TenantContext, hours: number, limit: number): Promise<string[]> {
    return this.run(context, async (manager) => {
      const locked = await manager.query<{ digest: string }[]>(
        `SELECT code.digest FROM code_archive code WHERE code.tenant_id = $1 AND ${UNUSED} AND code.used_at < now() - $2 * interval '1 hour' LIMIT $3 FOR UPDATE SKIP LOCKED`,
        [context.tenantId, hours, limit]);
      if (locked.length === 0) return [];
      const [removed] = await manager.query<[{ digest: string }[], number]>(
        `DELETE FROM code_archive code WHERE code.tenant_id = $1 AND code.digest = ANY ($2) AND ${UNUSED} RETURNING code.digest`,
        [context.tenantId, locked.map((row) => row.digest)]);
      return removed.map((row) => row.digest);
    });
  }
}

const UNUSED = `NOT EXISTS (SELECT FROM revision_reference reference WHERE reference.tenant_id = code.tenant_id AND reference.kind = 'code' AND reference.name = code.digest)`;
