import { Controller, HttpCode, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiExtension, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HEADER } from '../../../contract/runtime.js';
import { NotAudited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { PassedOn } from '../../../platform/rest/mutation-options.js';
import { RawBody, rawBodyOf } from '../../../platform/rest/raw-body.js';
import { InvocationsService } from '../invocations.service.js';
import { callerSignal } from './caller-signal.js';
import { fromRequest } from './invocation.mapper.js';
import { InvocationQuery } from './invocation.model.js';

const INVOCATION_ID = 'x-fnplane-invocation-id';
/** Status of the function's own answer: the response's own is 200 for all that are no errors. */
const FUNCTION_STATUS = 'x-fnplane-function-status';

@ApiTags('invocations')
@Controller('v1/tenants/:tenant/functions/:function/invocations')
export class InvocationsController {
  constructor(private readonly invocations: InvocationsService) {}

  @Post()
  @HttpCode(200)
  @PassedOn()
  @RawBody()
  @RequireTenant('functions:invoke')
  @NotAudited()
  @ApiOperation({ summary: 'Invoke a function and wait for its answer', description: 'Idempotency-Key, trace context and x-* header fields are passed on. Nothing is repeated or replayed by the platform.' })
  @ApiConsumes('*/*')
  @ApiBody({ required: false, description: 'What the function gets, unchanged; at most 6 MiB.', schema: { type: 'string', format: 'binary' } })
  @ApiResponse({ status: 200, description: 'The function\'s answer, of whatever content type it has.', content: { '*/*': { schema: { type: 'string', format: 'binary' } } } })
  @ApiResponse({ status: 'default', description: 'With x-fnplane-served-by: the function\'s own error answer. Without: a problem document of the platform.', content: { '*/*': { schema: {} } } })
  @ApiExtension('x-fnplane-response-headers', [INVOCATION_ID, HEADER.servedBy, HEADER.errorSource, FUNCTION_STATUS])
  async invoke(@Tenant() context: TenantContext, @Param('function') name: string, @Query() query: InvocationQuery, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const body = rawBodyOf(request);
    const result = await this.invocations.invoke(context, { ...fromRequest(name, query, request.headers, body), signal: callerSignal(reply) });
    // The body is a tenant's: should a browser ever show it, it is a document of no origin.
    void reply.header('content-security-policy', 'sandbox; default-src \'none\'')
      .header(INVOCATION_ID, result.invocationId).header(HEADER.servedBy, result.servedBy).header(FUNCTION_STATUS, String(result.status));
    if (result.errorSource) void reply.header(HEADER.errorSource, result.errorSource);
    if (result.contentType !== undefined) void reply.header('content-type', result.contentType);
    if (result.contentEncoding !== undefined) void reply.header('content-encoding', result.contentEncoding);
    await reply.code(result.status >= 400 ? result.status : 200).send(result.body);
  }
}
