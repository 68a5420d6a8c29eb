import { Body, Controller, HttpCode, Inject, Param, Patch, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { Config } from '../../../platform/config/config.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { CONFIG } from '../../../platform/tokens.js';
import type { Deployment } from '../functions.service.js';
import type { RolloutVerb } from '../rollout.policy.js';
import { RolloutsService } from '../rollouts.service.js';
import { toAcceptedFunction, toRevisionModel } from './function.mapper.js';
import { AcceptedFunction } from './function.model.js';
import { PinRevisionBody, RollbackBody } from './release-status.model.js';
import { toRevisionNumber } from './revision-number.js';
import { RevisionModel } from './revision.model.js';

const UNCHANGED = { type: AcceptedFunction, description: 'It was asked for already: nothing was changed.' };

/** Verbs on releases: each is accepted and has an operation, unless nothing had to change. */
@ApiTags('functions')
@Controller('v1/tenants/:tenant/functions/:function')
export class RolloutsController {
  constructor(
    private readonly rollouts: RolloutsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Post('rollback')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('function.rollback')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ApiOkResponse(UNCHANGED)
  @ETAG_HEADER
  async rollback(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Body() body: RollbackBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.answer(context, await this.rollouts.rollback(context, reference, body.revision, expected), reply);
  }

  @Post('rollout/promote')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('rollout.promote')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ApiOkResponse(UNCHANGED)
  @ETAG_HEADER
  promote(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.steer(context, reference, 'promote', expected, reply);
  }

  @Post('rollout/pause')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('rollout.pause')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ApiOkResponse(UNCHANGED)
  @ETAG_HEADER
  pause(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.steer(context, reference, 'pause', expected, reply);
  }

  @Post('rollout/resume')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('rollout.resume')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ETAG_HEADER
  resume(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.steer(context, reference, 'resume', expected, reply);
  }

  @Post('rollout/abort')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('rollout.abort')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ApiOkResponse(UNCHANGED)
  @ETAG_HEADER
  abort(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.steer(context, reference, 'abort', expected, reply);
  }

  @Post('rollout/retry')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('rollout.retry')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ETAG_HEADER
  retry(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.steer(context, reference, 'retry', expected, reply);
  }

  /** The etag is the function's. */
  @Patch('revisions/:number')
  @RequireTenant('functions:deploy')
  @Audited('revision.pin')
  @ApiOkResponse({ type: RevisionModel })
  @ETAG_HEADER
  async pin(@Tenant() context: TenantContext, @Param('function') reference: string, @Param('number') number: string, @IfMatch() expected: ExpectedEtag, @Body() body: PinRevisionBody): Promise<RevisionModel> {
    return toRevisionModel(await this.rollouts.pin(context, reference, toRevisionNumber(number), body.pinned, expected));
  }

  private async steer(context: TenantContext, reference: string, verb: RolloutVerb, expected: ExpectedEtag, reply: FastifyReply): Promise<AcceptedFunction> {
    return this.answer(context, await this.rollouts.steer(context, reference, verb, expected), reply);
  }

  private answer(context: TenantContext, deployment: Deployment, reply: FastifyReply): AcceptedFunction {
    if (!deployment.operation) void reply.code(200);
    return toAcceptedFunction(deployment, { gatewayUrl: this.config.FNPLANE_GATEWAY_URL, tenantName: context.tenantName });
  }
}
