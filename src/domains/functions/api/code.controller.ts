import { Controller, Get, Param, Put, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiCreatedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ArchiveFormat } from '../../../platform/archives/source-archive.js';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { NotReplayed } from '../../../platform/rest/mutation-options.js';
import { RawBody } from '../../../platform/rest/raw-body.js';
import { CodeService } from '../code.service.js';
import { codeEmpty, codeFormatUnknown } from '../functions.errors.js';
import { CodeModel, toCodeModel } from './code.model.js';

const FORMATS: ReadonlyMap<string, ArchiveFormat> = new Map([
  ['application/gzip', 'tar.gz'], ['application/x-gzip', 'tar.gz'], ['application/zip', 'zip'], ['application/x-zip-compressed', 'zip'],
]);

@ApiTags('functions')
@Controller('v1/tenants/:tenant/code')
export class CodeController {
  constructor(private readonly code: CodeService) {}

  @Put(':digest')
  @NotReplayed()
  @RawBody()
  @RequireTenant('functions:deploy')
  @Audited('code.upload')
  @ApiConsumes('application/gzip', 'application/zip')
  @ApiBody({ description: 'The archive itself, at most 20 MiB; the address ends with its SHA-256.', schema: { type: 'string', format: 'binary' } })
  @ApiCreatedResponse({ type: CodeModel })
  @ApiOkResponse({ type: CodeModel, description: 'It was there already.' })
  async put(@Tenant() context: TenantContext, @Param('digest') digest: string, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<CodeModel> {
    const format = FORMATS.get((request.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase());
    if (format === undefined) throw codeFormatUnknown();
    if (!Buffer.isBuffer(request.body)) throw codeEmpty();
    const { archive, created } = await this.code.put(context, digest, request.body, format);
    if (created) void reply.code(201).header('location', `/v1/tenants/${context.tenantName}/code/${archive.digest}`);
    return toCodeModel(archive);
  }

  @Get(':digest')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: CodeModel })
  async get(@Tenant() context: TenantContext, @Param('digest') digest: string): Promise<CodeModel> {
    return toCodeModel(await this.code.get(context, digest));
  }
}
