import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, EnumField, IntField, ListField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { RESERVED_LIMITS, type ReservedLimit } from '../../tenants/quota-admission.js';

/** Money as decimal text: it never passes through a float. */
const AMOUNT = /^\d{1,12}(\.\d{1,4})?$/;

const LIMIT = {
  functions: 'Functions.',
  revisionsKept: 'Revisions kept of each function.',
  cpuMillis: 'Millicores of CPU requested by all pods together.',
  memoryMb: 'MB of memory requested by all pods together.',
  ephemeralStorageMb: 'MB of ephemeral storage requested by all pods together.',
  pods: 'Pods of all functions together.',
  secrets: 'Secrets.',
  configSets: 'Configuration sets.',
  codeMb: 'MB of uploaded code.',
  invocationsPerSecond: 'Invocations a second the gateway admits for the whole tenant.',
  invocationsPerMinute: 'Invocations the gateway admits for the whole tenant in any 60 seconds.',
  concurrentInvocations: 'Invocations of all functions together that may be under way at once, waiting ones included.',
  functionMemoryMb: 'MB of memory one pod may ask for.',
  functionCpuMillis: 'Millicores of CPU one pod may ask for.',
  timeoutSeconds: 'Longest timeout a function may set.',
  monthlySpend: 'What a month may cost, in the currency of the plan: once its invoice preview reaches this, nothing may grow and no function is invoked until the limit is raised or the next month begins.',
} as const;

@ObjectType('QuotaLimits', { description: 'Every limit with its value.' })
export class QuotaLimitsModel {
  @IntField({ description: LIMIT.functions }) functions!: number;
  @IntField({ description: LIMIT.revisionsKept }) revisionsKept!: number;
  @IntField({ description: LIMIT.cpuMillis }) cpuMillis!: number;
  @IntField({ description: LIMIT.memoryMb }) memoryMb!: number;
  @IntField({ description: LIMIT.ephemeralStorageMb }) ephemeralStorageMb!: number;
  @IntField({ description: LIMIT.pods }) pods!: number;
  @IntField({ description: LIMIT.secrets }) secrets!: number;
  @IntField({ description: LIMIT.configSets }) configSets!: number;
  @IntField({ description: LIMIT.codeMb }) codeMb!: number;
  @IntField({ description: LIMIT.invocationsPerSecond }) invocationsPerSecond!: number;
  @IntField({ description: LIMIT.invocationsPerMinute }) invocationsPerMinute!: number;
  @IntField({ description: LIMIT.concurrentInvocations }) concurrentInvocations!: number;
  @IntField({ description: LIMIT.functionMemoryMb }) functionMemoryMb!: number;
  @IntField({ description: LIMIT.functionCpuMillis }) functionCpuMillis!: number;
  @IntField({ description: LIMIT.timeoutSeconds }) timeoutSeconds!: number;
  @TextField({ nullable: true, description: `${LIMIT.monthlySpend} Null for no bound.`, example: '250.00' }) monthlySpend!: string | null;
}

@ObjectType('QuotaOverrides', { description: 'Limits set for one tenant; absent ones follow its plan.' })
export class QuotaOverridesModel {
  @IntField({ optional: true, description: LIMIT.functions }) functions?: number;
  @IntField({ optional: true, description: LIMIT.revisionsKept }) revisionsKept?: number;
  @IntField({ optional: true, description: LIMIT.cpuMillis }) cpuMillis?: number;
  @IntField({ optional: true, description: LIMIT.memoryMb }) memoryMb?: number;
  @IntField({ optional: true, description: LIMIT.ephemeralStorageMb }) ephemeralStorageMb?: number;
  @IntField({ optional: true, description: LIMIT.pods }) pods?: number;
  @IntField({ optional: true, description: LIMIT.secrets }) secrets?: number;
  @IntField({ optional: true, description: LIMIT.configSets }) configSets?: number;
  @IntField({ optional: true, description: LIMIT.codeMb }) codeMb?: number;
  @IntField({ optional: true, description: LIMIT.invocationsPerSecond }) invocationsPerSecond?: number;
  @IntField({ optional: true, description: LIMIT.invocationsPerMinute }) invocationsPerMinute?: number;
  @IntField({ optional: true, description: LIMIT.concurrentInvocations }) concurrentInvocations?: number;
  @IntField({ optional: true, description: LIMIT.functionMemoryMb }) functionMemoryMb?: number;
  @IntField({ optional: true, description: LIMIT.functionCpuMillis }) functionCpuMillis?: number;
  @IntField({ optional: true, description: LIMIT.timeoutSeconds }) timeoutSeconds?: number;
  @TextField({ optional: true, description: LIMIT.monthlySpend, example: '250.00' }) monthlySpend?: string;
}

@ObjectType('QuotaUsage', { description: 'What is reserved of the limits that add up over a tenant.' })
export class QuotaUsageModel {
  @IntField({ description: LIMIT.functions }) functions!: number;
  @IntField({ description: LIMIT.cpuMillis }) cpuMillis!: number;
  @IntField({ description: LIMIT.memoryMb }) memoryMb!: number;
  @IntField({ description: LIMIT.ephemeralStorageMb }) ephemeralStorageMb!: number;
  @IntField({ description: LIMIT.pods }) pods!: number;
  @IntField({ description: LIMIT.secrets }) secrets!: number;
  @IntField({ description: LIMIT.configSets }) configSets!: number;
  @IntField({ description: LIMIT.codeMb }) codeMb!: number;
}

@ObjectType('OverQuota', { description: 'A limit that more is in use of than it allows; it refuses growth until use is below it again.' })
export class OverQuotaModel {
  @EnumField('ReservedLimit', RESERVED_LIMITS) limit!: ReservedLimit;
  @IntField() allowed!: number;
  @IntField() used!: number;
}

@ObjectType('Quota', { description: 'What a tenant may use, and uses.' })
export class QuotaModel {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Plan that gives the limits nobody overrode.' }) plan!: string;
  @ObjectField(() => QuotaOverridesModel) overrides!: QuotaOverridesModel;
  @ObjectField(() => QuotaLimitsModel, { description: 'The limits in force: the plan with its overrides.' }) effective!: QuotaLimitsModel;
  @ObjectField(() => QuotaUsageModel) used!: QuotaUsageModel;
  @ListField(() => OverQuotaModel) overQuota!: OverQuotaModel[];
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() updatedAt!: Date;
}

/** Merge patch of overrides: null takes one back. */
@InputType()
export class QuotaOverridesBody {
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.functions }) functions?: number | null;
  @IntField({ optional: true, nullable: true, min: 1, description: LIMIT.revisionsKept }) revisionsKept?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.cpuMillis }) cpuMillis?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.memoryMb }) memoryMb?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.ephemeralStorageMb }) ephemeralStorageMb?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.pods }) pods?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.secrets }) secrets?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.configSets }) configSets?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.codeMb }) codeMb?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.invocationsPerSecond }) invocationsPerSecond?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.invocationsPerMinute }) invocationsPerMinute?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.concurrentInvocations }) concurrentInvocations?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.functionMemoryMb }) functionMemoryMb?: number | null;
  @IntField({ optional: true, nullable: true, min: 0, description: LIMIT.functionCpuMillis }) functionCpuMillis?: number | null;
  @IntField({ optional: true, nullable: true, min: 1, max: 86_400, description: LIMIT.timeoutSeconds }) timeoutSeconds?: number | null;
  @TextField({ optional: true, nullable: true, max: 20, pattern: AMOUNT, patternMessage: 'must be a decimal number such as 250.00', description: LIMIT.monthlySpend, example: '250.00' }) monthlySpend?: string | null;
}

@InputType()
export class ChangeQuotaBody {
  @ObjectField(() => QuotaOverridesBody, { optional: true, nullable: true, description: 'Limits to set; null inside takes one back, null as a whole all of them.' })
  overrides?: QuotaOverridesBody | null;
}

@InputType()
export class SetQuotaInput extends TenantMutationInput {
  @ObjectField(() => QuotaOverridesBody, { optional: true, nullable: true, description: 'Limits to set; null inside takes one back, null as a whole all of them.' })
  overrides?: QuotaOverridesBody | null;
}

@ObjectType()
export class QuotaPayload extends MutationPayload {
  @Field(() => QuotaModel, { nullable: true }) quota?: QuotaModel;
}

@ObjectType('Plan', { implements: () => [Node], description: 'Limits and currency a tenant gets by choosing it.' })
export class PlanModel {
  @ApiProperty({ description: 'The same as `name`.' }) id!: string;
  @TextField({ max: 63 }) name!: string;
  @TextField() description!: string;
  @TextField({ description: 'ISO 4217 code of its prices.' }) currency!: string;
  @ObjectField(() => QuotaLimitsModel) limits!: QuotaLimitsModel;
  @DateField() createdAt!: Date;
}
