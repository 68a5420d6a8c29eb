import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { TRIGGER_NAME } from '../../../contract/triggers.js';
import { BoolField, DateField, EnumField, IntField, LongField, MapField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { DEFAULT_AGE_SECONDS, DEFAULT_ATTEMPTS, LEAST_AGE_SECONDS, MOST_AGE_SECONDS, MOST_ATTEMPTS } from '../../async-invocations/async-request.policy.js';
import { MAX_PATH } from '../../invocations/invocation-request.policy.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { CONCURRENCY_POLICIES, MISSED_RUNS, type ConcurrencyPolicy, type MissedRuns } from '../cron-trigger-body.js';
import { LONGEST_BASE64, MOST_BODY_BYTES, MOST_JITTER_SECONDS } from '../cron-trigger-rules.policy.js';
import { SKIP_REASONS, type SkipReason } from '../due-runs.policy.js';
import { LONGEST_SCHEDULE, LONGEST_TIME_ZONE } from '../schedule.policy.js';

/** Null means the same as absent. */
const MAYBE = { optional: true, nullable: true } as const;
const FUNCTION = { max: 40, description: 'Name of the function that is started.' } as const;
const SCHEDULE = {
  max: LONGEST_SCHEDULE, example: '*/15 8-18 * * mon-fri',
  description: 'Minute, hour, day of the month, month, day of the week, or six fields with the second first: *, values, ranges a-b, steps */n and a-b/n, and lists of these; months and weekdays by name too. Where both days are given, either of them does.',
} as const;
const ZONE = { max: LONGEST_TIME_ZONE, example: 'Europe/Berlin', description: 'IANA time zone of the schedule; UTC when absent.' } as const;
const CONCURRENCY = { description: 'While an earlier run has not ended: allow another one; forbid it, and skip; or replace the one that still waits.' } as const;
const MISSED = { description: 'Of due times that passed while no worker ran: skip all of them, run the last, or run all (at most 100, and none older than maxAgeSeconds).' } as const;
const JITTER = { min: 0, max: MOST_JITTER_SECONDS, description: 'Each run begins up to so much later than due, so that many triggers do not begin at once.' } as const;
const SUSPENDED = { description: 'Whether it rests. What would have been due meanwhile is not made up for.' } as const;
const PATH = { max: MAX_PATH, description: 'Path and query the function sees; `/` when absent. The method is POST.' } as const;
const HEADERS = { keyPattern: /^[^]*$/, maxEntries: 50, maxValue: 8192, description: 'Header fields for the function.' } as const;
const BODY = { max: MOST_BODY_BYTES, description: 'Body as text; at most 64 KiB. Say its content-type in headers.' } as const;
const BODY_BASE64 = { max: LONGEST_BASE64, description: 'Body as base64, in place of body.' } as const;
const ATTEMPTS = { min: 1, max: MOST_ATTEMPTS, description: `Most tries of each run; ${DEFAULT_ATTEMPTS} when absent.` } as const;
const AGE = { min: LEAST_AGE_SECONDS, max: MOST_AGE_SECONDS, description: `Seconds after which a run fails if it has not succeeded; ${DEFAULT_AGE_SECONDS} when absent.` } as const;
const BY = { max: 64, description: 'Name or UUID of the cron trigger.' } as const;

@InputType('CronTriggerInput')
export class CreateCronTriggerBody {
  @TextField({ max: 40, pattern: TRIGGER_NAME, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row', example: 'nightly' }) name!: string;
  @TextField(FUNCTION) function!: string;
  @TextField(SCHEDULE) schedule!: string;
  @TextField({ ...ZONE, ...MAYBE }) timeZone?: string;
  @EnumField('CronConcurrency', CONCURRENCY_POLICIES, { ...CONCURRENCY, ...MAYBE }) concurrencyPolicy?: ConcurrencyPolicy;
  @EnumField('CronMissedRuns', MISSED_RUNS, { ...MISSED, ...MAYBE }) missedRuns?: MissedRuns;
  @IntField({ ...JITTER, ...MAYBE }) jitterSeconds?: number;
  @BoolField({ ...SUSPENDED, ...MAYBE }) suspended?: boolean;
  @TextField({ ...PATH, ...MAYBE }) path?: string;
  @MapField({ ...HEADERS, ...MAYBE }) headers?: Record<string, string>;
  @TextField({ ...BODY, ...MAYBE }) body?: string;
  @TextField({ ...BODY_BASE64, ...MAYBE }) bodyBase64?: string;
  @IntField({ ...ATTEMPTS, ...MAYBE }) maxAttempts?: number;
  @IntField({ ...AGE, ...MAYBE }) maxAgeSeconds?: number;
}

/** Merge patch: null removes. */
@InputType('CronTriggerPatch')
export class CronTriggerPatchBody {
  @TextField({ ...FUNCTION, optional: true }) function?: string;
  @TextField({ ...SCHEDULE, optional: true }) schedule?: string;
  @TextField({ ...ZONE, ...MAYBE }) timeZone?: string | null;
  @EnumField('CronConcurrency', CONCURRENCY_POLICIES, { ...CONCURRENCY, ...MAYBE }) concurrencyPolicy?: ConcurrencyPolicy | null;
  @EnumField('CronMissedRuns', MISSED_RUNS, { ...MISSED, ...MAYBE }) missedRuns?: MissedRuns | null;
  @IntField({ ...JITTER, ...MAYBE }) jitterSeconds?: number | null;
  @BoolField({ ...SUSPENDED, ...MAYBE }) suspended?: boolean | null;
  @TextField({ ...PATH, ...MAYBE }) path?: string | null;
  @MapField({ ...HEADERS, ...MAYBE, nullValues: true }) headers?: Record<string, string | null> | null;
  @TextField({ ...BODY, ...MAYBE }) body?: string | null;
  @TextField({ ...BODY_BASE64, ...MAYBE }) bodyBase64?: string | null;
  @IntField({ ...ATTEMPTS, ...MAYBE }) maxAttempts?: number | null;
  @IntField({ ...AGE, ...MAYBE }) maxAgeSeconds?: number | null;
}

@ObjectType('CronTriggerEffective', { description: 'What holds, also where the client said nothing.' })
export class CronTriggerEffectiveModel {
  @TextField({ max: LONGEST_TIME_ZONE }) timeZone!: string;
  @EnumField('CronConcurrency', CONCURRENCY_POLICIES) concurrencyPolicy!: ConcurrencyPolicy;
  @EnumField('CronMissedRuns', MISSED_RUNS) missedRuns!: MissedRuns;
  @IntField() jitterSeconds!: number;
  @BoolField() suspended!: boolean;
  @TextField({ max: MAX_PATH }) path!: string;
  @IntField() maxAttempts!: number;
  @IntField() maxAgeSeconds!: number;
}

@ObjectType('CronTriggerSkip', { description: 'A due time that was not run.' })
export class CronTriggerSkipModel {
  @DateField({ description: 'When it was due.' }) dueAt!: Date;
  @EnumField('CronSkipReason', SKIP_REASONS) reason!: SkipReason;
  @TextField({ max: 1_000, description: 'Why, for people.' }) message!: string;
}

@ObjectType('CronTriggerStatus', { description: 'What became of its due times.' })
export class CronTriggerStatusModel {
  @DateField({ optional: true, nullable: true, description: 'When it is due next, without jitter; null while it is suspended.' }) nextRunAt!: Date | null;
  @DateField({ optional: true, nullable: true, description: 'The last due time that was run.' }) lastRunAt!: Date | null;
  @TextField({ optional: true, nullable: true, format: 'uuid', description: 'The asynchronous invocation it became; kept for 7 days after it ended.' }) lastInvocationId!: string | null;
  @LongField({ description: 'Due times that were not run. Of a long downtime those are told that can be counted in short.' }) skippedRuns!: number;
  @ObjectField(() => CronTriggerSkipModel, { optional: true, nullable: true, description: 'The last of those.' }) lastSkip!: CronTriggerSkipModel | null;
}

@ObjectType('CronTrigger', { implements: () => [Node], description: 'A schedule that starts a function: each due time becomes one asynchronous invocation.' })
export class CronTriggerModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ max: 40, description: 'Unique in its tenant.' }) name!: string;
  @TextField(FUNCTION) function!: string;
  @TextField(SCHEDULE) schedule!: string;
  @TextField({ ...ZONE, optional: true }) timeZone?: string;
  @EnumField('CronConcurrency', CONCURRENCY_POLICIES, { ...CONCURRENCY, optional: true }) concurrencyPolicy?: ConcurrencyPolicy;
  @EnumField('CronMissedRuns', MISSED_RUNS, { ...MISSED, optional: true }) missedRuns?: MissedRuns;
  @IntField({ ...JITTER, optional: true }) jitterSeconds?: number;
  @BoolField({ ...SUSPENDED, optional: true }) suspended?: boolean;
  @TextField({ ...PATH, optional: true }) path?: string;
  @MapField({ ...HEADERS, optional: true }) headers?: Record<string, string>;
  @TextField({ ...BODY, optional: true }) body?: string;
  @TextField({ ...BODY_BASE64, optional: true }) bodyBase64?: string;
  @IntField({ ...ATTEMPTS, optional: true }) maxAttempts?: number;
  @IntField({ ...AGE, optional: true }) maxAgeSeconds?: number;
  @ObjectField(() => CronTriggerEffectiveModel) effective!: CronTriggerEffectiveModel;
  @ObjectField(() => CronTriggerStatusModel) status!: CronTriggerStatusModel;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

@InputType()
export class CreateCronTriggerInput extends TenantCreationInput {
  @ObjectField(() => CreateCronTriggerBody) cronTrigger!: CreateCronTriggerBody;
}

@InputType()
export class PatchCronTriggerInput extends TenantMutationInput {
  @TextField(BY) cronTrigger!: string;
  @ObjectField(() => CronTriggerPatchBody) change!: CronTriggerPatchBody;
}

@InputType()
export class DeleteCronTriggerInput extends TenantMutationInput {
  @TextField(BY) cronTrigger!: string;
}

@InputType()
export class RunCronTriggerInput extends TenantCreationInput {
  @TextField(BY) cronTrigger!: string;
}

@ObjectType()
export class CronTriggerPayload extends MutationPayload {
  @Field(() => CronTriggerModel, { nullable: true }) cronTrigger?: CronTriggerModel;
}
