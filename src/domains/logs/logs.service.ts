import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { DomainError } from '../../platform/errors/domain-error.js';
import { FunctionsService } from '../functions/functions.service.js';
import { FollowerRoom } from './follower-room.js';
import type { LogFilter } from './log-filter.js';
import { LogFollower, type FollowOptions } from './log-follower.js';
import { LogWakes } from './log-wakes.js';
import type { LogEntryEntity } from './store/log-entry.entity.js';
import { LogEntriesRepository } from './store/log-entries.repository.js';

/** Something a function printed. */
export type LogEntry = LogEntryEntity;

/** What callers see of what functions print. */
@Injectable()
export class LogsService {
  constructor(
    private readonly functions: FunctionsService,
    private readonly entries: LogEntriesRepository,
    private readonly wakes: LogWakes,
    private readonly room: FollowerRoom,
  ) {}

  /**
   * In the order in which they were collected: that of time, but for what came late.
   * @param tail only so many of the last ones; there are no pages then.
   * @throws {DomainError} FUNCTION_NOT_FOUND, CURSOR_INVALID.
   */
  async list(context: TenantContext, reference: string, filter: LogFilter, request: PageRequest & { tail?: number | undefined }): Promise<Page<LogEntry>> {
    const { id } = await this.functions.get(context, reference);
    if (request.tail === undefined) return this.entries.findPage(context, id, filter, request);
    return { items: await this.entries.findLast(context, id, filter, null, request.tail), nextCursor: null };
  }

  /**
   * First what there is, then what comes, batch by batch: each is read when it is asked for. An empty batch only says that it goes on. Ends when the
   * function is gone, or `goesOn` says no.
   * @throws {DomainError} FUNCTION_NOT_FOUND at once; the first batch LOG_FOLLOWERS_TOO_MANY.
   */
  async follow(context: TenantContext, reference: string, filter: LogFilter, options: FollowOptions): Promise<AsyncGenerator<LogEntry[]>> {
    const { id } = await this.functions.get(context, reference);
    const goesOn = async (): Promise<boolean> => (await options.goesOn()) && (await this.isThere(context, id));
    return new LogFollower(this.entries, this.wakes, { context, functionId: id, filter }).batches({ ...options, goesOn, enter: () => this.room.enter(context.tenantId) });
  }

  private isThere(context: TenantContext, functionId: string): Promise<boolean> {
    return this.functions.get(context, functionId).then(() => true, (error: unknown) => !(error instanceof DomainError && error.kind === 'not-found'));
  }
}
