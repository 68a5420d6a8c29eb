import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiExtension, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { AsyncInvocationsService } from '../async-invocations.service.js';
import { toAsyncInvocationModel, toFilter } from './async-invocation.mapper.js';
import { AsyncInvocationModel, AsyncInvocationsQuery, BulkOutcomeModel, FailedInvocationsBody } from './async-invocation.model.js';

const AsyncInvocationPage = pageOf(AsyncInvocationModel, 'AsyncInvocation');
const FUNCTION_STATUS = 'x-fnplane-function-status';

@ApiTags('async-invocations')
@Controller('v1/tenants/:tenant/async-invocations')
export class AsyncInvocationsController {
  constructor(private readonly invocations: AsyncInvocationsService) {}

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: AsyncInvocationPage })
  async list(@Tenant() context: TenantContext, @Query() query: AsyncInvocationsQuery): Promise<PageBody<AsyncInvocationModel>> {
    return toPageBody(await this.invocations.list(context, query.toPage(), toFilter(query)), toAsyncInvocationModel);
  }

  @Post('redrive')
  @HttpCode(200)
  @RequireTenant('functions:invoke')
  @Audited('async-invocation.redrive')
  @ApiOperation({ summary: 'Try failed ones anew', description: 'Those that failed first, at most 1,000 a call.' })
  @ApiOkResponse({ type: BulkOutcomeModel })
  redriveFailed(@Tenant() context: TenantContext, @Body() body: FailedInvocationsBody): Promise<BulkOutcomeModel> {
    return this.invocations.redriveFailed(context, body?.function);
  }

  @Post('purge')
  @HttpCode(200)
  @RequireTenant('functions:deploy')
  @Audited('async-invocation.purge')
  @ApiOperation({ summary: 'Remove failed ones', description: 'Those that failed first, at most 1,000 a call.' })
  @ApiOkResponse({ type: BulkOutcomeModel })
  purgeFailed(@Tenant() context: TenantContext, @Body() body: FailedInvocationsBody): Promise<BulkOutcomeModel> {
    return this.invocations.purgeFailed(context, body?.function);
  }

  @Get(':asyncInvocation')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: AsyncInvocationModel })
  async get(@Tenant() context: TenantContext, @Param('asyncInvocation') id: string): Promise<AsyncInvocationModel> {
    return toAsyncInvocationModel(await this.invocations.get(context, id));
  }

  @Get(':asyncInvocation/result')
  @RequireTenant('functions:invoke')
  @ApiOperation({ summary: 'What the function answered', description: 'Once the invocation has ended, with whatever status the function gave.' })
  @ApiOkResponse({ description: 'The function\'s answer, of whatever content type it has.', content: { '*/*': { schema: { type: 'string', format: 'binary' } } } })
  @ApiExtension('x-fnplane-response-headers', [FUNCTION_STATUS])
  async result(@Tenant() context: TenantContext, @Param('asyncInvocation') id: string, @Res() reply: FastifyReply): Promise<void> {
    const { status, contentType, contentEncoding, body } = await this.invocations.result(context, id);
    // The body is a tenant's: should a browser ever show it, it is a document of no origin.
    void reply.header('content-security-policy', 'sandbox; default-src \'none\'').header(FUNCTION_STATUS, String(status));
    if (contentType !== undefined) void reply.header('content-type', contentType);
    if (contentEncoding !== undefined) void reply.header('content-encoding', contentEncoding);
    await reply.code(200).send(body);
  }

  @Post(':asyncInvocation/redrive')
  @HttpCode(202)
  @RequireTenant('functions:invoke')
  @Audited('async-invocation.redrive')
  @ApiOperation({ summary: 'Try a failed one anew', description: 'Its tries and its age begin again.' })
  @ApiAcceptedResponse({ type: AsyncInvocationModel })
  @ETAG_HEADER
  async redrive(@Tenant() context: TenantContext, @Param('asyncInvocation') id: string, @IfMatch() expected: ExpectedEtag): Promise<AsyncInvocationModel> {
    return toAsyncInvocationModel(await this.invocations.redrive(context, id, expected));
  }

  @Delete(':asyncInvocation')
  @HttpCode(204)
  @RequireTenant('functions:deploy')
  @Audited('async-invocation.delete')
  @ApiOperation({ summary: 'Cancel one that waits, or remove one that has ended' })
  @ApiNoContentResponse()
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('asyncInvocation') id: string, @IfMatch() expected: ExpectedEtag): Promise<void> {
    await this.invocations.delete(context, id, expected);
  }
}
