import { Args, Parent, ResolveField, Resolver } from '@nestjs/graphql';
import { RequireParent, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import type { Connection } from '../../../platform/graphql/connection.js';
import { TenantModel } from '../../tenants/api/tenant.model.js';
import { EventsService } from '../events.service.js';
import { toEventConnection } from './event.mapper.js';
import { EventConnection, TenantEventsArgs, type EventModel } from './event.model.js';

/** A tenant's events, from the tenant. */
@Resolver(() => TenantModel)
export class TenantEventsResolver {
  constructor(private readonly events: EventsService) {}

  @ResolveField(() => EventConnection, { name: 'events', description: 'Oldest first.' })
  @RequireParent('events:read')
  async list(@Tenant() context: TenantContext, @Parent() _tenant: TenantModel, @Args() args: TenantEventsArgs): Promise<Connection<EventModel>> {
    return toEventConnection(context, await this.events.list(context, args.toPage(), { type: args.type ?? undefined, subject: args.subject ?? undefined }), args);
  }
}
