import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MayGoOn, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { departureOf, EVENT_STREAM, sendEvents, wantsEventStream } from '../../../platform/rest/event-stream.js';
import { pageOf, toPageBody } from '../../../platform/rest/paging.js';
import { LogsService } from '../logs.service.js';
import { toBeginning, toEvents, toLogEntryModel } from './log-entry.mapper.js';
import { LogEntryModel, LogsQuery } from './log-entry.model.js';

const LogEntryPage = pageOf(LogEntryModel, 'LogEntry');
const LAST_EVENT = 'Last-Event-ID';

@ApiTags('logs')
@Controller('v1/tenants/:tenant/functions/:function/logs')
export class LogsController {
  constructor(private readonly logs: LogsService) {}

  @Get()
  @RequireTenant('logs:read')
  @ApiOperation({
    summary: 'What a function printed',
    description: 'Newest last, in the order in which it was collected. With `follow=true` or `Accept: text/event-stream` it goes on with what comes: events `log` that hold an entry each, their ids its position; a comment at least every 20 seconds; `end` when the function is gone or may not be read any more.',
  })
  @ApiHeader({ name: LAST_EVENT, required: false, schema: { type: 'string', pattern: '^\\d{1,18}$' }, description: 'Follow on after the entry with this position.' })
  @ApiExtraModels(LogEntryPage)
  @ApiOkResponse({ content: { 'application/json': { schema: { $ref: getSchemaPath(LogEntryPage) } }, [EVENT_STREAM]: { schema: { type: 'string' } } } })
  async list(@Tenant() context: TenantContext, @Param('function') name: string, @Query() query: LogsQuery, @MayGoOn() goesOn: () => Promise<boolean>, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!(query.follow ?? wantsEventStream(request))) {
      await reply.send(toPageBody(await this.logs.list(context, name, query.toFilter(), { ...query.toPage(), tail: query.tail }), toLogEntryModel));
      return;
    }
    const last = request.headers[LAST_EVENT.toLowerCase()];
    const beginning = toBeginning(typeof last === 'string' && last !== '' ? last : undefined, query.tail, LAST_EVENT);
    await sendEvents(reply, toEvents(await this.logs.follow(context, name, query.toFilter(), { ...beginning, signal: departureOf(reply), goesOn })));
  }
}
