import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { TenantRepository } from '../../../platform/database/tenant-repository.js';
import type { RevisionReference } from '../function-body.js';
import { RevisionEntity } from './revision.entity.js';

/** Revisions that no history limit takes away. */
export interface KeptRevisions {
  newest: number;
  count: number;
  /** Whatever their age. Pinned ones stay anyway. */
  needed: readonly number[];
}

@Injectable()
export class RevisionsRepository extends TenantRepository<RevisionEntity> {
  constructor(database: Database) {
    super(database, RevisionEntity);
  }

  /** The revision and what it refers to, in one statement. */
  async add(context: TenantContext, row: RevisionEntity, references: readonly RevisionReference[]): Promise<void> {
    await this.database.statement(context,
      `WITH made AS (
         INSERT INTO revision (tenant_id, function_id, number, spec, effective, build_state, created_by, created_at, secret_versions) VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $9)
         RETURNING tenant_id, function_id, number
       )
       INSERT INTO revision_reference (tenant_id, kind, name, function_id, number)
       SELECT made.tenant_id, reference.kind, reference.name, made.function_id, made.number FROM made, jsonb_to_recordset($8::jsonb) AS reference (kind text, name text)`,
      [context.tenantId, row.functionId, row.number, JSON.stringify(row.spec), JSON.stringify(row.effective), row.createdBy, row.createdAt, JSON.stringify(references), JSON.stringify(row.secretVersions)]);
  }

  find(context: TenantContext, functionId: string, number: number): Promise<RevisionEntity | null> {
    return this.run(context, (manager) => this.scoped(manager, context, 'revision').andWhere('revision.functionId = :functionId AND revision.number = :number', { functionId, number }).getOne());
  }

  findPage(context: TenantContext, functionId: string, request: PageRequest): Promise<Page<RevisionEntity>> {
    return this.run(context, (manager) => this.page(this.scoped(manager, context, 'revision').andWhere('revision.functionId = :functionId', { functionId }), 'revision', request, 'createdAt', 'number'));
  }

  /** First pages of several functions in one statement: at most `limit + 1` revisions of each, oldest first. */
  findFirst(context: TenantContext, functionIds: readonly string[], limit: number): Promise<RevisionEntity[]> {
    return this.run(context, async (manager) => {
      const rows = await manager.query<RevisionEntity[]>(
        `SELECT revision.tenant_id AS "tenantId", revision.function_id AS "functionId", revision.number, revision.spec, revision.effective,
           revision.build_state AS "buildState", revision.build_error AS "buildError", revision.image, revision.secret_versions AS "secretVersions", revision.pinned, revision.created_by AS "createdBy", revision.created_at AS "createdAt"
         FROM unnest($2::uuid[]) AS wanted (id), LATERAL (
           SELECT * FROM revision WHERE tenant_id = $1 AND function_id = wanted.id
           ORDER BY date_trunc('milliseconds', created_at), number::text LIMIT $3
         ) revision`, [context.tenantId, functionIds, limit + 1]);
      return rows;
    });
  }

  async setBuilt(context: TenantContext, functionId: string, number: number, image: string): Promise<void> {
    await this.run(context, (manager) => manager.update(RevisionEntity, { tenantId: context.tenantId, functionId, number }, { buildState: 'built', image, buildError: null }));
  }

  async setFailed(context: TenantContext, functionId: string, number: number, error: string): Promise<void> {
    await this.run(context, (manager) => manager.update(RevisionEntity, { tenantId: context.tenantId, functionId, number }, { buildState: 'failed', buildError: error }));
  }

  /** Images of a repository that revisions of the tenant's other functions name. */
  async findImagesOfOthers(context: TenantContext, functionId: string, repository: string): Promise<string[]> {
    return this.run(context, async (manager) => {
      const rows = await manager.query<{ image: string }[]>(
        `SELECT DISTINCT image FROM revision WHERE tenant_id = $1 AND function_id <> $2 AND strpos(image, $3) > 0`, [context.tenantId, functionId, `/${repository}@`]);
      return rows.map((row) => row.image);
    });
  }

  /** Deletes what is neither among the newest nor needed nor pinned. */
  async prune(context: TenantContext, functionId: string, { newest, count, needed }: KeptRevisions): Promise<void> {
    await this.run(context, (manager) => manager.query(
      'DELETE FROM revision WHERE tenant_id = $1 AND function_id = $2 AND number <= $3 AND number <> ALL($4::integer[]) AND NOT pinned',
      [context.tenantId, functionId, newest - count, needed]));
  }

  /** Those of `numbers` that are kept, by number. */
  findSome(context: TenantContext, functionId: string, numbers: readonly number[]): Promise<RevisionEntity[]> {
    return this.run(context, (manager) => this.scoped(manager, context, 'revision')
      .andWhere('revision.functionId = :functionId AND revision.number IN (:...numbers)', { functionId, numbers }).orderBy('revision.number').getMany());
  }

  async setPinned(context: TenantContext, functionId: string, number: number, pinned: boolean): Promise<void> {
    await this.run(context, (manager) => manager.update(RevisionEntity, { tenantId: context.tenantId, functionId, number }, { pinned }));
  }

  countPinned(context: TenantContext, functionId: string): Promise<number> {
    return this.run(context, (manager) => manager.countBy(RevisionEntity, { tenantId: context.tenantId, functionId, pinned: true }));
  }
}
