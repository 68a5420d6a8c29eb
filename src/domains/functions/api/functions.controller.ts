import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { Config } from '../../../platform/config/config.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { ETAG_HEADER, IfMatch, type ExpectedEtag } from '../../../platform/rest/etag.js';
import { NamedPageQuery, PageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { CONFIG } from '../../../platform/tokens.js';
import { UUID } from '../function-rules.policy.js';
import { FunctionsService, type Deployment } from '../functions.service.js';
import { FunctionPatchBody } from './function-fields.model.js';
import { toAcceptedFunction, toFunctionBody, toFunctionModel, toFunctionPatch, toRevisionModel, type Addresses } from './function.mapper.js';
import { AcceptedFunction, FunctionBodyModel, FunctionModel, ReplaceFunctionBody } from './function.model.js';
import { toRevisionNumber } from './revision-number.js';
import { RevisionModel } from './revision.model.js';

const FunctionPage = pageOf(FunctionModel, 'Function');
const RevisionPage = pageOf(RevisionModel, 'Revision');
const UNCHANGED = 'The function was like this already: nothing was changed.';

@ApiTags('functions')
@Controller('v1/tenants/:tenant/functions')
export class FunctionsController {
  constructor(
    private readonly functions: FunctionsService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Post()
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('function.deploy')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  async create(@Tenant() context: TenantContext, @Body() body: FunctionBodyModel, @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.answer(context, await this.functions.create(context, toFunctionBody(body.name, body)), reply);
  }

  @Get()
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: FunctionPage })
  async list(@Tenant() context: TenantContext, @Query() query: NamedPageQuery): Promise<PageBody<FunctionModel>> {
    const addresses = this.addresses(context);
    return toPageBody(await this.functions.list(context, query.toPage(), query.name), (row) => toFunctionModel(row, addresses));
  }

  @Get(':function')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: FunctionModel })
  async get(@Tenant() context: TenantContext, @Param('function') reference: string): Promise<FunctionModel> {
    return toFunctionModel(await this.functions.get(context, reference), this.addresses(context));
  }

  @Put(':function')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('function.deploy')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ApiOkResponse({ type: AcceptedFunction, description: UNCHANGED })
  @ETAG_HEADER
  async deploy(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Body() body: ReplaceFunctionBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    // Addressed by id, the name may be left out too: it cannot be changed anyway.
    const name = body.name ?? (UUID.test(reference) ? (await this.functions.get(context, reference)).name : reference);
    return this.answer(context, await this.functions.deploy(context, reference, toFunctionBody(name, body), expected), reply);
  }

  @Patch(':function')
  @HttpCode(202)
  @RequireTenant('functions:deploy')
  @Audited('function.update')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ApiOkResponse({ type: AcceptedFunction, description: UNCHANGED })
  @ETAG_HEADER
  async patch(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag, @Body() body: FunctionPatchBody,
    @Res({ passthrough: true }) reply: FastifyReply): Promise<AcceptedFunction> {
    return this.answer(context, await this.functions.patch(context, reference, toFunctionPatch(body), expected), reply);
  }

  @Delete(':function')
  @HttpCode(202)
  @RequireTenant('functions:delete')
  @Audited('function.delete')
  @ApiAcceptedResponse({ type: AcceptedFunction })
  @ETAG_HEADER
  async delete(@Tenant() context: TenantContext, @Param('function') reference: string, @IfMatch() expected: ExpectedEtag): Promise<AcceptedFunction> {
    return toAcceptedFunction(await this.functions.delete(context, reference, expected), this.addresses(context));
  }

  @Get(':function/revisions')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: RevisionPage })
  async revisions(@Tenant() context: TenantContext, @Param('function') reference: string, @Query() query: PageQuery): Promise<PageBody<RevisionModel>> {
    return toPageBody(await this.functions.revisions(context, reference, query.toPage()), toRevisionModel);
  }

  @Get(':function/revisions/:number')
  @RequireTenant('functions:read')
  @ApiOkResponse({ type: RevisionModel })
  async revision(@Tenant() context: TenantContext, @Param('function') reference: string, @Param('number') number: string): Promise<RevisionModel> {
    return toRevisionModel(await this.functions.revision(context, reference, toRevisionNumber(number)));
  }

  private answer(context: TenantContext, deployment: Deployment, reply: FastifyReply): AcceptedFunction {
    if (!deployment.operation) void reply.code(200);
    if (deployment.created) void reply.header('location', `/v1/tenants/${context.tenantName}/functions/${deployment.function.name}`);
    return toAcceptedFunction(deployment, this.addresses(context));
  }

  private addresses(context: TenantContext): Addresses {
    return { gatewayUrl: this.config.FNPLANE_GATEWAY_URL, tenantName: context.tenantName };
  }
}
