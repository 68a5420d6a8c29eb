import { Controller, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NotAudited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { RawBody, rawBodyOf } from '../../../platform/rest/raw-body.js';
import { AsyncInvocationsService } from '../async-invocations.service.js';
import { fromAcceptRequest, toAsyncInvocationModel } from './async-invocation.mapper.js';
import { AcceptQuery, AsyncInvocationModel } from './async-invocation.model.js';

@ApiTags('async-invocations')
@Controller('v1/tenants/:tenant/functions/:function/async-invocations')
export class AcceptInvocationsController {
  constructor(private readonly invocations: AsyncInvocationsService) {}

  @Post()
  @HttpCode(202)
  @RawBody()
  @RequireTenant('functions:invoke')
  @NotAudited()
  @ApiOperation({ summary: 'Invoke a function without waiting for its answer', description: 'Once accepted it is run at least once. x-request-id is the id of the invocation at every try. Trace context and x-* header fields are passed on.' })
  @ApiConsumes('*/*')
  @ApiBody({ required: false, description: 'What the function gets, unchanged; at most 1 MiB.', schema: { type: 'string', format: 'binary' } })
  @ApiAcceptedResponse({ type: AsyncInvocationModel })
  async accept(@Tenant() context: TenantContext, @Param('function') name: string, @Query() query: AcceptQuery, @Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<AsyncInvocationModel> {
    const accepted = await this.invocations.accept(context, fromAcceptRequest(name, query, request.headers, rawBodyOf(request)));
    void reply.header('location', `/v1/tenants/${context.tenantName}/async-invocations/${accepted.id}`);
    return toAsyncInvocationModel(accepted);
  }
}
