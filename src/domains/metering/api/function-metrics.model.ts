import { ArgsType, ObjectType } from '@nestjs/graphql';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, Max, Min, ValidateBy } from 'class-validator';
import { DateField, FloatField, IntField, ListField, LongField, ObjectField, RFC_3339, TextField } from '../../../platform/graphql/fields.js';
import { MOST_POINTS, STEP, type MetricRangeRequest } from '../metric-range.policy.js';

const FROM = 'Begin of the range, rounded down to a whole step; an hour before its end when absent.';
const TO = 'End of the range, rounded up to a whole step; now when absent.';
const STEP_TEXT = `Seconds: whole minutes, which reach back 2 days, or from 3600 on whole hours, which reach back 60 days. At most ${MOST_POINTS} steps.`;

const whole = ({ value }: { value: unknown }): unknown => (typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value);
const date = ({ value }: { value: unknown }): unknown => (typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : value);
const IsDateTime = (): PropertyDecorator => ValidateBy({
  name: 'isDate', validator: { validate: (value) => value instanceof Date && !Number.isNaN(value.getTime()), defaultMessage: () => 'must be an RFC 3339 date and time' },
});

export class MetricsQuery {
  @ApiPropertyOptional({ type: String, format: 'date-time', description: FROM })
  @IsOptional() @Transform(date) @IsDateTime()
  from?: Date;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: TO })
  @IsOptional() @Transform(date) @IsDateTime()
  to?: Date;

  @ApiPropertyOptional({ type: 'integer', minimum: STEP.min, maximum: STEP.max, default: STEP.usual, description: STEP_TEXT })
  @IsOptional() @Transform(whole) @IsInt() @Min(STEP.min) @Max(STEP.max)
  step: number = STEP.usual;
}

@ArgsType()
export class TenantMetricsArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
  @DateField({ optional: true, nullable: true, description: FROM }) from?: Date | null;
  @DateField({ optional: true, nullable: true, description: TO }) to?: Date | null;
  @IntField({ optional: true, nullable: true, min: STEP.min, max: STEP.max, description: STEP_TEXT }) step?: number | null;
}

@ArgsType()
export class FunctionMetricsArgs extends TenantMetricsArgs {
  @TextField({ max: 64, description: 'Name or UUID of the function.' }) function!: string;
}

export function toRangeRequest({ from, to, step }: { from?: Date | null; to?: Date | null; step?: number | null }): MetricRangeRequest {
  return { ...(from ? { from } : {}), ...(to ? { to } : {}), ...(step ? { step } : {}) };
}

@ObjectType('MetricDurations', { description: 'Quantiles of the time functions ran, in milliseconds, estimated from a histogram; null where nothing ran.' })
export class MetricDurationsModel {
  @FloatField({ optional: true, nullable: true }) p50!: number | null;
  @FloatField({ optional: true, nullable: true }) p95!: number | null;
  @FloatField({ optional: true, nullable: true }) p99!: number | null;
}

@ObjectType('MetricPoint', { description: 'One step of a time series.' })
export class MetricPointModel {
  @DateField({ description: 'When the step begins.' }) at!: Date;
  @LongField({ description: 'Requests that were answered, by a function or by the gateway in its place.' }) requests!: number;
  @LongField({ description: 'Of them, those answered with 4xx.' }) clientErrors!: number;
  @LongField({ description: 'Of them, those answered with 5xx.' }) serverErrors!: number;
  @ObjectField(() => MetricDurationsModel) durationMs!: MetricDurationsModel;
  @LongField({ description: 'How often a function had no pod when a request came, and came to one.' }) coldStarts!: number;
  @IntField({ description: 'The most requests that were seen in pods at once.' }) inFlight!: number;
  @IntField({ description: 'The most pods that ran at once.' }) pods!: number;
}

@ObjectType('FunctionMetrics', { description: 'Requests of one function, or of all functions of a tenant, over time. The newest step is not whole yet.' })
export class FunctionMetricsModel {
  @DateField({ description: 'Inclusive.' }) from!: Date;
  @DateField({ description: 'Exclusive.' }) to!: Date;
  @IntField({ description: 'Length of a step.' }) stepSeconds!: number;
  @ListField(() => MetricPointModel, { max: MOST_POINTS, description: 'Every step of the range, those in which nothing happened too.' }) points!: MetricPointModel[];
}
