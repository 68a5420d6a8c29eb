import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { TenantConnectionArgs, connectionOf, toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { OperationsService } from '../operations.service.js';
import { toOperationModel } from './operation.mapper.js';
import { OperationModel } from './operation.model.js';

const OperationConnection = connectionOf(OperationModel, 'Operation');

@Resolver(() => OperationModel)
export class OperationsResolver {
  constructor(private readonly operations: OperationsService) {}

  @Query(() => OperationModel, { description: 'One operation, by its UUID.' })
  @RequireTenant('tenant:read')
  async operation(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('operation') operation: string): Promise<OperationModel> {
    return toOperationModel(await this.operations.get(context, operation));
  }

  @Query(() => OperationConnection, { name: 'operations' })
  @RequireTenant('tenant:read')
  async list(@Tenant() context: TenantContext, @Args() args: TenantConnectionArgs): Promise<Connection<OperationModel>> {
    return toConnection(await this.operations.list(context, args.toPage()), args, toOperationModel);
  }

  @NodeOf('Operation', 'tenant:read')
  async byNodeId(context: TenantContext, id: string): Promise<OperationModel> {
    return toOperationModel(await this.operations.get(context, id));
  }

  // No lookup of the tenant: a creation that is only checked has none.
  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('authenticated')
  nodeId(@Parent() operation: OperationModel): string {
    return encodeGlobalId('Operation', operation.tenantId, operation.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('authenticated')
  uuid(@Parent() operation: OperationModel): string {
    return operation.id;
  }
}
