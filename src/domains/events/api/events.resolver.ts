import { Args, ID, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { RequirePlatform, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import type { Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { EventsService } from '../events.service.js';
import { toEventConnection, toEventModel } from './event.mapper.js';
import { EventConnection, EventModel, EventsArgs } from './event.model.js';

@Resolver(() => EventModel)
export class EventsResolver {
  constructor(private readonly events: EventsService) {}

  @Query(() => EventConnection, { name: 'events', description: 'What happened in a tenant, oldest first, of the last 30 days.' })
  @RequireTenant('events:read')
  async list(@Tenant() context: TenantContext, @Args() args: EventsArgs): Promise<Connection<EventModel>> {
    return toEventConnection(context, await this.events.list(context, args.toPage(), { type: args.type ?? undefined, subject: args.subject ?? undefined }), args);
  }

  @Query(() => EventModel, { description: 'One event, by its UUID.' })
  @RequireTenant('events:read')
  async event(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('event') id: string): Promise<EventModel> {
    return toEventModel(context, await this.events.get(context, id));
  }

  @NodeOf('PlatformEvent', 'events:read')
  async byNodeId(context: TenantContext, id: string): Promise<EventModel> {
    return toEventModel(context, await this.events.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequirePlatform('authenticated')
  nodeId(@Parent() event: EventModel): string {
    return encodeGlobalId('PlatformEvent', event.tenantId, event.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequirePlatform('authenticated')
  uuid(@Parent() event: EventModel): string {
    return event.id;
  }
}
