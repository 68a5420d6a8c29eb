import { ArgsType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { ConnectionArgs, connectionOf } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, TextField } from '../../../platform/graphql/fields.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import type { PlatformAuditFilter } from '../audit-filter.js';
import { AUDIT_RESULTS, type AuditResult } from '../audit-result.js';

@ObjectType('AuditEntry', { description: 'One change that was made, or asked for and refused. Entries are never changed.' })
export class AuditEntryModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @TextField({ optional: true, format: 'uuid', description: 'Absent on entries of the platform as a whole.' }) tenantId?: string;
  @DateField() at!: Date;
  @TextField({ max: 600, description: 'Who: `user:<issuer>|<subject>`, `api-key:<id>` or `system:<part>`.' }) principal!: string;
  @TextField({ description: 'What: `function.deploy`, `member.remove`...' }) action!: string;
  @TextField() targetKind!: string;
  @TextField({ description: 'Empty on refusals that named no id.' }) targetId!: string;
  @TextField({ description: 'On refusals as the caller named it, whether it exists or not.' }) targetName!: string;
  @TextField() requestId!: string;
  @EnumField('AuditResult', AUDIT_RESULTS) result!: AuditResult;
  @TextField({ optional: true, description: 'Of refusals: the code of the answer, e.g. `PERMISSION_DENIED`.' }) code?: string;
  @TextField({ optional: true, max: 64, description: 'SHA-256 of the canonical JSON of what it was before; absent where there was nothing, or nothing that may be hashed.' }) beforeHash?: string;
  @TextField({ optional: true, max: 64, description: 'The same of what it is since.' }) afterHash?: string;
}

export const AuditEntryConnection = connectionOf(AuditEntryModel, 'AuditEntry');

const TENANT = 'Only of this tenant: name or UUID, also of one that is gone.';
const FILTERS = ['principal', 'action', 'targetKind', 'target', 'result', 'requestId', 'from', 'to', 'tenant'] as const;

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what TypeScript demands of a mixin's base
type Base = new (...args: any[]) => object;

/** The filters of the audit log, for queries of REST and arguments of GraphQL alike. */
function filtered<T extends Base>(base: T) {
  @ArgsType()
  class Filtered extends base {
    @TextField({ optional: true, max: 600, description: 'Only by exactly this principal.' }) principal?: string;
    @TextField({ optional: true, max: 64, description: 'Only exactly this action.' }) action?: string;
    @TextField({ optional: true, max: 64, description: 'Only on targets of this kind.' }) targetKind?: string;
    @TextField({ optional: true, max: 255, description: 'Only on the target with exactly this id or name.' }) target?: string;
    @EnumField('AuditResult', AUDIT_RESULTS, { optional: true, description: 'Only what was done, or only what was refused.' }) result?: AuditResult;
    @TextField({ optional: true, max: 64, description: 'Only of this request.' }) requestId?: string;
    @DateField({ optional: true, description: 'Not before this time.' }) from?: Date;
    @DateField({ optional: true, description: 'Before this time.' }) to?: Date;

    toFilter(): PlatformAuditFilter {
      const given = this as Partial<Record<(typeof FILTERS)[number], unknown>>;
      return Object.fromEntries(FILTERS.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])));
    }
  }
  return Filtered;
}

export class AuditQuery extends filtered(PageQuery) {}

export class PlatformAuditQuery extends AuditQuery {
  @TextField({ optional: true, max: 64, description: TENANT }) tenant?: string;
}

export const EXPORT_FORMATS = ['ndjson', 'csv'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export class AuditExportQuery extends filtered(Object) {
  @ApiPropertyOptional({ enum: [...EXPORT_FORMATS], default: 'ndjson', description: 'JSON objects, one a line; or CSV with a header line.' })
  @IsIn([...EXPORT_FORMATS])
  format: ExportFormat = 'ndjson';
}

export class PlatformAuditExportQuery extends AuditExportQuery {
  @TextField({ optional: true, max: 64, description: TENANT }) tenant?: string;
}

@ArgsType()
export class AuditEntriesArgs extends filtered(ConnectionArgs) {}

@ArgsType()
export class TenantAuditEntriesArgs extends AuditEntriesArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;

  /** The tenant is the request's own, and no filter. */
  override toFilter(): PlatformAuditFilter {
    return { ...super.toFilter(), tenant: undefined };
  }
}

@ArgsType()
export class PlatformAuditEntriesArgs extends AuditEntriesArgs {
  @TextField({ optional: true, max: 64, description: TENANT }) tenant?: string;
}
