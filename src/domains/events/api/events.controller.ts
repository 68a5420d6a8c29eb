import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { pageOf, toPageBody, type PageBody } from '../../../platform/rest/paging.js';
import { EventsService } from '../events.service.js';
import { toEventModel } from './event.mapper.js';
import { EventModel, EventsQuery } from './event.model.js';

const EventPage = pageOf(EventModel, 'Event');

@ApiTags('events')
@Controller('v1/tenants/:tenant/events')
export class EventsController {
  constructor(private readonly events: EventsService) {}

  @Get()
  @RequireTenant('events:read')
  @ApiOperation({ summary: 'What happened in a tenant', description: 'Oldest first, of the last 30 days.' })
  @ApiOkResponse({ type: EventPage })
  async list(@Tenant() context: TenantContext, @Query() query: EventsQuery): Promise<PageBody<EventModel>> {
    return toPageBody(await this.events.list(context, query.toPage(), { type: query.type, subject: query.subject }), (event) => toEventModel(context, event));
  }

  @Get(':event')
  @RequireTenant('events:read')
  @ApiOkResponse({ type: EventModel })
  async get(@Tenant() context: TenantContext, @Param('event') id: string): Promise<EventModel> {
    return toEventModel(context, await this.events.get(context, id));
  }
}
