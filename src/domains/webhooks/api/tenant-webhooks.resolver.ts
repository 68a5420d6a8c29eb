import { Args, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { NamedConnectionArgs, TenantModel } from '../../tenants/api/tenant.model.js';
import { WebhooksService } from '../webhooks.service.js';
import { toWebhookModel } from './webhook.mapper.js';
import type { WebhookModel } from './webhook.model.js';
import { WebhookConnection } from './webhooks.resolver.js';

/** A tenant's webhooks, from the tenant. */
@Resolver(() => TenantModel)
export class TenantWebhooksResolver {
  constructor(private readonly webhooks: WebhooksService) {}

  @ResolveField(() => WebhookConnection, { name: 'webhooks' })
  @RequireParent('webhooks:read')
  async list(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: NamedConnectionArgs): Promise<Connection<WebhookModel>> {
    return toConnection(await this.webhooks.list(context, args.toPage(), args.name ?? undefined), args, toWebhookModel);
  }
}
