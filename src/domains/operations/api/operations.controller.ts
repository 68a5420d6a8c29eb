import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { PageQuery, pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { OperationsService } from '../operations.service.js';
import { toOperationModel } from './operation.mapper.js';
import { OperationModel } from './operation.model.js';

const OperationPage = pageOf(OperationModel, 'Operation');

@ApiTags('operations')
@Controller('v1/tenants/:tenant/operations')
export class OperationsController {
  constructor(private readonly operations: OperationsService) {}

  @Get()
  @RequireTenant('tenant:read')
  @ApiOkResponse({ type: OperationPage })
  async list(@Tenant() context: TenantContext, @Query() query: PageQuery): Promise<PageBody<OperationModel>> {
    return toPageBody(await this.operations.list(context, query.toPage()), toOperationModel);
  }

  @Get(':operation')
  @RequireTenant('tenant:read')
  @ApiOkResponse({ type: OperationModel })
  async get(@Tenant() context: TenantContext, @Param('operation') operation: string): Promise<OperationModel> {
    return toOperationModel(await this.operations.get(context, operation));
  }
}
