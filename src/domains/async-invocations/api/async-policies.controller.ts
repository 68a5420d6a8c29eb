import { Body, Controller, Delete, Get, HttpCode, Param, Put, Res } from '@nestjs/common';
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { AsyncPoliciesService } from '../async-policies.service.js';
import { toAsyncPolicyBody, toAsyncPolicyModel, toWrittenPolicyModel } from './async-policy.mapper.js';
import { AsyncPolicyBodyModel, AsyncPolicyModel, WrittenAsyncPolicyModel } from './async-policy.model.js';

@ApiTags('async-invocations')
@Controller('v1/tenants/:tenant/functions/:function/async-policy')
export class AsyncPoliciesController {
  constructor(private readonly policies: AsyncPoliciesService) {}

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: AsyncPolicyModel })
  async get(@Tenant() context: TenantContext, @Param('function') name: string): Promise<AsyncPolicyModel> {
    return toAsyncPolicyModel(await this.policies.get(context, name));
  }

  @Put()
  @RequireTenant('functions:deploy')
  @Audited('async-policy.update')
  @ApiOperation({ summary: 'Say what holds for all asynchronous invocations of a function', description: 'Writes the whole of it. Webhooks that were there keep their secret; those of new ones are in this answer alone.' })
  @ApiOkResponse({ type: WrittenAsyncPolicyModel })
  @ETAG_HEADER
  async put(@Tenant() context: TenantContext, @Param('function') name: string, @IfMatch() expected: ExpectedEtag, @Body() body: AsyncPolicyBodyModel, @Res({ passthrough: true }) reply: FastifyReply): Promise<WrittenAsyncPolicyModel> {
    const written = await this.policies.put(context, name, toAsyncPolicyBody(body), expected);
    void reply.header('cache-control', 'no-store');
    return toWrittenPolicyModel(written);
  }

  @Delete()
  @HttpCode(204)
  @RequireTenant('functions:deploy')
  @Audited('async-policy.delete')
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('function') name: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.policies.delete(context, name, expected);
  }
}
