import { ArgsType, ObjectType } from '@nestjs/graphql';
import { Transform } from 'class-transformer';
import { ConnectionArgs, connectionOf } from '../../../platform/graphql/connection.js';
import { BoolField, DateField, EnumField, IntField, JsonField, TextField } from '../../../platform/graphql/fields.js';
import { MAX_PAGE } from '../../../platform/database/page.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import type { LogFilter } from '../log-filter.js';
import { LOG_LEVELS, type LogLevel } from '../log-levels.js';

@ObjectType('LogEntry', { description: 'Something a function printed: one line, or several that belong together.' })
export class LogEntryModel {
  @TextField({ max: 20, description: 'Grows with each entry of the tenant, in the order of collection: what following goes on from.' }) position!: string;
  @DateField({ description: 'When it was printed.' }) time!: Date;
  @EnumField('LogLevel', LOG_LEVELS, { optional: true, description: 'Absent where nothing tells.' }) level?: LogLevel;
  @TextField({ max: 65_536 }) message!: string;
  @TextField({ optional: true, max: 200, description: 'Of the invocation that printed it; absent where nothing tells.' }) requestId?: string;
  @JsonField({ optional: true, description: 'What else a JSON line said.' }) fields?: Record<string, unknown>;
  @IntField({ description: 'Number of the revision that printed it.' }) revision!: number;
  @TextField({ description: 'Name of the pod.' }) pod!: string;
  @TextField({ description: 'Name of the cluster.' }) cluster!: string;
}

export const LogEntryConnection = connectionOf(LogEntryModel, 'LogEntry');

const FILTERS = ['since', 'until', 'revision', 'requestId', 'text', 'level'] as const;
const TAIL = `Only so many of the last entries, at most ${MAX_PAGE}, in one page.`;
const FOLLOWED_TAIL = 'So many of the last entries come first; 10 when absent.';
const FUNCTION = 'Name or UUID of the function.';

const whole = ({ value }: { value: unknown }): unknown => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value);
const flag = ({ value }: { value: unknown }): unknown => (value === 'true' ? true : value === 'false' ? false : value);

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- what TypeScript demands of a mixin's base
type Base = new (...args: any[]) => object;

/** The filters of a log, for queries of REST and arguments of GraphQL alike. */
function filtered<T extends Base>(base: T) {
  @ArgsType()
  class Filtered extends base {
    @DateField({ optional: true, description: 'Not before this time.' }) since?: Date;
    @DateField({ optional: true, description: 'Before this time.' }) until?: Date;
    @Transform(whole) @IntField({ optional: true, min: 1, description: 'Only of the revision with this number.' }) revision?: number;
    @TextField({ optional: true, max: 200, description: 'Only of the invocation with this request id.' }) requestId?: string;
    @TextField({ optional: true, max: 200, description: 'Only with this text in the message or the fields, in whichever case.' }) text?: string;
    @EnumField('LogLevel', LOG_LEVELS, { optional: true, description: 'Only of exactly this level.' }) level?: LogLevel;

    toFilter(): LogFilter {
      const given = this as Partial<Record<(typeof FILTERS)[number], unknown>>;
      return Object.fromEntries(FILTERS.map((name) => [name, given[name] ?? undefined]));
    }
  }
  return Filtered;
}

export class LogsQuery extends filtered(PageQuery) {
  @Transform(whole) @IntField({ optional: true, min: 0, max: MAX_PAGE, description: `${TAIL} Where the log is followed: so many come first, 10 when absent.` }) tail?: number;
  @Transform(flag) @BoolField({ optional: true, description: 'Go on with what comes, as a stream of server-sent events; `Accept: text/event-stream` says the same.' }) follow?: boolean;
}

@ArgsType()
export class FunctionLogsArgs extends filtered(ConnectionArgs) {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
  @TextField({ max: 64, description: FUNCTION }) function!: string;
  @IntField({ optional: true, min: 0, max: MAX_PAGE, description: TAIL }) tail?: number;
}

@ArgsType()
export class FunctionLogAddedArgs extends filtered(Object) {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
  @TextField({ max: 64, description: FUNCTION }) function!: string;
  @IntField({ optional: true, min: 0, max: MAX_PAGE, description: FOLLOWED_TAIL }) tail?: number;
  @TextField({ optional: true, max: 20, description: 'Go on after the entry with this position.' }) after?: string;
}
