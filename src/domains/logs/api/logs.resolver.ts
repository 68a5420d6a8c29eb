import { Args, Query, Resolver, Subscription } from '@nestjs/graphql';
import { MayGoOn, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import type { Connection } from '../../../platform/graphql/connection.js';
import { LogsService } from '../logs.service.js';
import { AddedEntries } from './added-entries.js';
import { toBeginning, toLogConnection } from './log-entry.mapper.js';
import { FunctionLogAddedArgs, FunctionLogsArgs, LogEntryConnection, LogEntryModel } from './log-entry.model.js';

@Resolver(() => LogEntryModel)
export class LogsResolver {
  constructor(private readonly logs: LogsService) {}

  @Query(() => LogEntryConnection, { name: 'functionLogs', description: 'What a function printed: newest last, in the order in which it was collected.' })
  @RequireTenant('logs:read')
  async list(@Tenant() context: TenantContext, @Args() args: FunctionLogsArgs): Promise<Connection<LogEntryModel>> {
    return toLogConnection(await this.logs.list(context, args.function, args.toFilter(), { ...args.toPage(), tail: args.tail ?? undefined }), args);
  }

  @Subscription(() => LogEntryModel, { description: 'What a function printed last, then what it prints: an entry each. Completes when the function is gone or may not be read any more.' })
  @RequireTenant('logs:read')
  async functionLogAdded(@Tenant() context: TenantContext, @MayGoOn() goesOn: () => Promise<boolean>, @Args() args: FunctionLogAddedArgs): Promise<AddedEntries> {
    const departure = new AbortController();
    const beginning = toBeginning(args.after ?? undefined, args.tail ?? undefined, '/after');
    return AddedEntries.begin(await this.logs.follow(context, args.function, args.toFilter(), { ...beginning, signal: departure.signal, goesOn }), departure);
  }
}
