import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min, ValidateBy } from 'class-validator';
import { TenantConnectionArgs } from '../../../platform/graphql/connection.js';
import { BoolField, DateField, EnumField, IntField, JsonField, MapField, ObjectField, RFC_3339, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import { InvocationQuery } from '../../invocations/api/invocation.model.js';
import { INVOCATION_METHODS, MAX_PATH, type InvocationMethod } from '../../invocations/invocation-request.policy.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { ASYNC_SOURCES, ASYNC_STATES, type AsyncSource, type AsyncState } from '../async-invocation-states.js';
import { DEFAULT_AGE_SECONDS, DEFAULT_ATTEMPTS, LEAST_AGE_SECONDS, MOST_AGE_SECONDS, MOST_ATTEMPTS } from '../async-request.policy.js';

const ATTEMPTS = `Most tries; as the function's policy says when absent, else ${DEFAULT_ATTEMPTS}. What the platform itself refuses (not ready, overloaded, suspended...) is none.`;
const AGE = `Seconds after which it fails if it has not succeeded, from when it was accepted or is scheduled for; as the function's policy says when absent, else ${DEFAULT_AGE_SECONDS}.`;
const SCHEDULED = 'Not before this time, at most 7 days ahead; at once when absent.';
const OF_FUNCTION = 'Only of this function: its name or UUID.';
const OF_TRIGGER = 'Only of this trigger: its name or UUID. It may be gone by now.';
const IN_STATE = 'Only in this state; `failed` are the dead letters.';

const whole = ({ value }: { value: unknown }): unknown => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value);

/** How a REST caller says what the function shall see, and when. */
export class AcceptQuery extends InvocationQuery {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MOST_ATTEMPTS, description: ATTEMPTS })
  @IsOptional() @Transform(whole) @IsInt() @Min(1) @Max(MOST_ATTEMPTS)
  maxAttempts?: number;

  @ApiPropertyOptional({ type: 'integer', minimum: LEAST_AGE_SECONDS, maximum: MOST_AGE_SECONDS, description: AGE })
  @IsOptional() @Transform(whole) @IsInt() @Min(LEAST_AGE_SECONDS) @Max(MOST_AGE_SECONDS)
  maxAgeSeconds?: number;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: SCHEDULED })
  @IsOptional() @Transform(({ value }: { value: unknown }) => (typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : value))
  @ValidateBy({ name: 'isDate', validator: { validate: (value) => value instanceof Date && !Number.isNaN(value.getTime()), defaultMessage: () => 'must be an RFC 3339 date and time' } })
  scheduledFor?: Date;
}

export class AsyncInvocationsQuery extends PageQuery {
  @ApiPropertyOptional({ description: OF_FUNCTION, maxLength: 64 })
  @IsOptional() @IsString() @MaxLength(64)
  function?: string;

  @ApiPropertyOptional({ enum: [...ASYNC_STATES], description: IN_STATE })
  @IsOptional() @IsIn([...ASYNC_STATES])
  state?: AsyncState;

  @ApiPropertyOptional({ description: OF_TRIGGER, maxLength: 64 })
  @IsOptional() @IsString() @MaxLength(64)
  trigger?: string;
}

@ArgsType()
export class AsyncInvocationsArgs extends TenantConnectionArgs {
  @TextField({ optional: true, nullable: true, max: 64, description: OF_FUNCTION }) function?: string | null;
  @EnumField('AsyncInvocationState', ASYNC_STATES, { optional: true, nullable: true, description: IN_STATE }) state?: AsyncState | null;
  @TextField({ optional: true, nullable: true, max: 64, description: OF_TRIGGER }) trigger?: string | null;
}

@ObjectType('AsyncInvocationError')
export class AsyncInvocationErrorModel {
  @TextField({ description: 'Stable code: `FUNCTION_ERROR` for error answers of the function, `ASYNC_EXPIRED`, or one of the gateway\'s.' }) code!: string;
  @TextField({ max: 1_000 }) message!: string;
}

@ObjectType('AsyncInvocationSource', { description: 'Where an invocation comes from.' })
export class AsyncInvocationSourceModel {
  @EnumField('AsyncInvocationSourceKind', ASYNC_SOURCES, { description: 'api: a caller; cron: a due time of a cron trigger; manual: somebody asked a cron trigger to run now.' }) kind!: AsyncSource;
  @TextField({ optional: true, nullable: true, description: 'Name of the trigger, which may be gone by now.' }) trigger!: string | null;
  @TextField({ optional: true, nullable: true, format: 'uuid', description: 'Its UUID.' }) triggerId!: string | null;
  @DateField({ optional: true, nullable: true, description: 'When the trigger was due, without its jitter.' }) dueAt!: Date | null;
}

@ObjectType('AsyncInvocationResultInfo', { description: 'What is known of the function\'s last answer without reading it.' })
export class AsyncInvocationResultInfoModel {
  @TextField({ optional: true, nullable: true }) contentType!: string | null;
  @IntField({ optional: true, nullable: true, description: 'Null where it was too large.' }) bytes!: number | null;
  @BoolField({ description: 'It was larger than 256 KiB and is not kept.' }) tooLarge!: boolean;
}

@ObjectType('AsyncDestinationResult', { description: 'How the end of an invocation was told, or why it was not.' })
export class AsyncDestinationResultModel {
  @TextField({ optional: true, nullable: true, format: 'uuid', description: 'The invocation of the function that is told.' }) invocation!: string | null;
  @TextField({ optional: true, nullable: true, format: 'uuid', description: 'The event that is sent to the webhook.' }) event!: string | null;
  @ObjectField(() => AsyncInvocationErrorModel, { optional: true, nullable: true }) error!: AsyncInvocationErrorModel | null;
}

@ObjectType('AsyncInvocation', { implements: () => [Node], description: 'An invocation that was accepted, and what became of it. Kept for 7 days after it ended.' })
export class AsyncInvocationModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Name of the function.' }) function!: string;
  @TextField({ description: 'Method the function sees.' }) method!: string;
  @TextField({ max: MAX_PATH, description: 'Path and query the function sees.' }) path!: string;
  @EnumField('AsyncInvocationState', ASYNC_STATES) state!: AsyncState;
  @IntField({ description: 'Tries so far that reached the function.' }) attempts!: number;
  @IntField({ description: ATTEMPTS }) maxAttempts!: number;
  @DateField({ optional: true, nullable: true, description: 'When it is tried next; null while it runs and once it has ended.' }) nextAttemptAt!: Date | null;
  @DateField({ description: 'It fails if it has not succeeded by then.' }) expiresAt!: Date;
  @TextField({ description: 'Who asked for it.' }) principal!: string;
  @ObjectField(() => AsyncInvocationSourceModel) source!: AsyncInvocationSourceModel;
  @IntField({ optional: true, nullable: true, description: 'HTTP status of the function\'s last answer.' }) status!: number | null;
  @IntField({ optional: true, nullable: true, description: 'Revision that gave it.' }) revision!: number | null;
  @ObjectField(() => AsyncInvocationErrorModel, { optional: true, nullable: true, description: 'Why it has not succeeded.' }) error!: AsyncInvocationErrorModel | null;
  @ObjectField(() => AsyncInvocationResultInfoModel, { optional: true, nullable: true, description: 'Null until the function has answered.' }) result!: AsyncInvocationResultInfoModel | null;
  @ObjectField(() => AsyncDestinationResultModel, { optional: true, nullable: true, description: 'Null until it has ended, and where its function\'s policy names no destination.' }) destination!: AsyncDestinationResultModel | null;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField({ optional: true, nullable: true }) finishedAt!: Date | null;
}

@InputType()
export class InvokeFunctionAsyncInput extends TenantCreationInput {
  @TextField({ max: 64, description: 'Name or UUID of the function.' }) function!: string;
  @JsonField({ optional: true, description: 'Body, as JSON; none when absent.' }) payload?: unknown;
  @TextField({ optional: true, max: MAX_PATH, description: 'Path and query the function sees; `/` when absent.' }) path?: string;
  @EnumField('InvocationMethod', INVOCATION_METHODS, { optional: true, description: 'Method the function sees; POST when absent.' }) method?: InvocationMethod;
  @MapField({ optional: true, keyPattern: /^[^]*$/, maxEntries: 1000, maxValue: 8192, description: 'Header fields for the function; a JSON content type when there is none.' }) headers?: Record<string, string>;
  @IntField({ optional: true, min: 1, max: MOST_ATTEMPTS, description: ATTEMPTS }) maxAttempts?: number;
  @IntField({ optional: true, min: LEAST_AGE_SECONDS, max: MOST_AGE_SECONDS, description: AGE }) maxAgeSeconds?: number;
  @DateField({ optional: true, description: SCHEDULED }) scheduledFor?: Date;
}

@InputType()
export class AsyncInvocationInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'UUID of the asynchronous invocation.' }) asyncInvocation!: string;
}

@InputType()
export class FailedInvocationsInput extends TenantCreationInput {
  @TextField({ optional: true, nullable: true, max: 64, description: OF_FUNCTION }) function?: string | null;
}

/** Which of the failed ones. */
export class FailedInvocationsBody {
  @TextField({ optional: true, max: 64, description: OF_FUNCTION }) function?: string;
}

/** What became of failed ones. */
export class BulkOutcomeModel {
  @ApiProperty({ type: 'integer', description: 'How many: at most 1,000 a call.' }) count!: number;
  @ApiProperty({ description: 'Whether there are more: ask again.' }) more!: boolean;
}

@ObjectType()
export class AsyncInvocationPayload extends MutationPayload {
  @Field(() => AsyncInvocationModel, { nullable: true }) asyncInvocation?: AsyncInvocationModel;
}

@ObjectType()
export class FailedInvocationsPayload extends MutationPayload {
  @IntField({ optional: true, description: 'How many: at most 1,000 a call.' }) count?: number;
  @BoolField({ optional: true, description: 'Whether there are more: ask again.' }) more?: boolean;
}

@ObjectType('AsyncInvocationResult', { description: 'What the function answered at the last try of an invocation that has ended.' })
export class AsyncInvocationResultModel {
  @IntField({ description: 'HTTP status of the function\'s answer.' }) status!: number;
  @IntField({ optional: true, description: 'Revision that answered.' }) revision?: number;
  @TextField({ optional: true }) contentType?: string;
  @JsonField({ optional: true, description: 'The body, where it is JSON.' }) payload?: unknown;
  @TextField({ optional: true, description: 'The body as base64, where it is not JSON.' }) body?: string;
}
