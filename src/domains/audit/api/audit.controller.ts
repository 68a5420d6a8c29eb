import { applyDecorators, Controller, Get, Query, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Caller, RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { SystemContext, TenantContext } from '../../../platform/context/context.js';
import { pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { AuditService } from '../audit.service.js';
import { sendAuditExport } from './audit-export.js';
import { AuditEntryModel, AuditExportQuery, AuditQuery, PlatformAuditExportQuery, PlatformAuditQuery } from './audit-entry.model.js';
import { toAuditEntryModel } from './audit.mapper.js';

const AuditEntryPage = pageOf(AuditEntryModel, 'AuditEntry');

function ExportAnswer() {
  return applyDecorators(
    ApiOperation({ summary: 'Export the audit log', description: 'All entries of a time range, oldest first, as a stream. The last 30 days where no range is given; at most 400 days.' }),
    ApiExtraModels(AuditEntryModel),
    ApiOkResponse({
      description: 'The entries: JSON objects, one a line; or CSV with a header line, where cells that a spreadsheet would run as formulas begin with an apostrophe.',
      content: { 'application/x-ndjson': { schema: { $ref: getSchemaPath(AuditEntryModel) } }, 'text/csv': { schema: { type: 'string' } } },
    }),
  );
}

@ApiTags('audit')
@Controller('v1')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get('tenants/:tenant/audit')
  @RequireTenant('audit:read')
  @ApiOperation({ summary: 'What was changed in a tenant, and what was refused', description: 'Newest first.' })
  @ApiOkResponse({ type: AuditEntryPage })
  async list(@Tenant() context: TenantContext, @Query() query: AuditQuery): Promise<PageBody<AuditEntryModel>> {
    return toPageBody(await this.audit.list(context, query.toPage(), query.toFilter()), toAuditEntryModel);
  }

  @Get('tenants/:tenant/audit/export')
  @RequireTenant('audit:read')
  @ExportAnswer()
  async export(@Tenant() context: TenantContext, @Query() query: AuditExportQuery, @Res() reply: FastifyReply): Promise<void> {
    await sendAuditExport(reply, query.format, this.audit.export(context, query.toFilter()));
  }

  @Get('audit')
  @RequirePlatform('audit:read')
  @ApiOperation({ summary: 'The audit log of the whole platform', description: 'Newest first; entries without a tenant belong to the platform.' })
  @ApiOkResponse({ type: AuditEntryPage })
  async listAll(@Caller() caller: SystemContext, @Query() query: PlatformAuditQuery): Promise<PageBody<AuditEntryModel>> {
    return toPageBody(await this.audit.listAll(caller, query.toPage(), query.toFilter()), toAuditEntryModel);
  }

  @Get('audit/export')
  @RequirePlatform('audit:read')
  @ExportAnswer()
  async exportAll(@Caller() caller: SystemContext, @Query() query: PlatformAuditExportQuery, @Res() reply: FastifyReply): Promise<void> {
    await sendAuditExport(reply, query.format, this.audit.exportAll(caller, query.toFilter()));
  }
}
