import { ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';
import { POOL_RUNTIMES, type PoolRuntime } from '../../../contract/pool-resource.js';
import { DateField, EnumField, IntField, ListField, LongField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import { CAPACITY_USES, type CapacityUse } from '../capacity.js';

const MONTH = /^[1-9]\d{3}-(0[1-9]|1[0-2])$/;

/** Sums of the ledger: counts are exact; seconds are decimal numbers in text, as exact as they are counted. */
@ObjectType('UsageQuantities')
export class UsageQuantitiesModel {
  @LongField({ description: 'Requests a function answered, errors of its own included.' }) invocations!: number;
  @LongField({ description: 'Run time in ms, each invocation rounded up.' }) billedMs!: number;
  @TextField({ description: 'Configured memory x run time.', example: '12.5' }) gbSeconds!: string;
  @TextField({ description: 'Configured CPU x run time.', example: '3.2' }) cpuSeconds!: string;
  @LongField() requestBytes!: number;
  @LongField() responseBytes!: number;
}

@ObjectType('IdleCapacity', { description: 'Time of pods that were kept ready and ran nothing: exact decimal numbers.' })
export class IdleCapacityModel {
  @TextField({ example: '1800.25' }) podSeconds!: string;
  @TextField({ description: 'Memory of the pods x time.' }) gbSeconds!: string;
  @TextField({ description: 'CPU of the pods x time.' }) cpuSeconds!: string;
}

@ObjectType('PoolUsage', { description: 'What pods of a tenant\'s warm pool waited.' })
export class PoolUsageModel extends IdleCapacityModel {
  @EnumField('PoolRuntime', POOL_RUNTIMES) runtime!: PoolRuntime;
}

const IDLE = 'Time of its pods, from the start of the container until they are told to go, less the run time billed; nothing is in both.';

@ObjectType('FunctionUsage')
export class FunctionUsageModel extends UsageQuantitiesModel {
  @TextField({ format: 'uuid' }) functionId!: string;
  @TextField({ description: 'Its name, also after it is gone.' }) functionName!: string;
  @ObjectField(() => IdleCapacityModel, { description: IDLE }) idle!: IdleCapacityModel;
}

@ObjectType('Usage', { description: 'What a tenant used in one month of its billing time zone. Time of pods is booked in steps of five minutes, and when a pod ends or is claimed.' })
export class UsageModel {
  @TextField({ example: '2026-11' }) period!: string;
  @TextField() timeZone!: string;
  @DateField({ description: 'Inclusive.' }) from!: Date;
  @DateField({ description: 'Exclusive.' }) to!: Date;
  @ObjectField(() => UsageQuantitiesModel) total!: UsageQuantitiesModel;
  @ObjectField(() => IdleCapacityModel, { description: 'Idle time of all functions\' pods.' }) idle!: IdleCapacityModel;
  @ListField(() => PoolUsageModel, { max: POOL_RUNTIMES.length, description: 'Warm pools, by runtime.' }) pools!: PoolUsageModel[];
  @ListField(() => FunctionUsageModel, { max: 500, description: 'The busiest 500 functions.' }) functions!: FunctionUsageModel[];
}

@ObjectType('UsageRecord', { description: 'One row of the ledger.' })
export class UsageRecordModel extends UsageQuantitiesModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ format: 'uuid' }) functionId!: string;
  @TextField({ description: 'Its name, also after it is gone.' }) functionName!: string;
  @IntField() revision!: number;
  @TextField() cluster!: string;
  @DateField({ description: 'When it happened.' }) occurredAt!: Date;
  @DateField({ description: 'When it was booked.' }) recordedAt!: Date;
}

/** One row of the ledger of capacity. */
export class CapacityRecordModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ApiProperty({ enum: CAPACITY_USES, description: '`pool`: it waited in a warm pool. `function`: it was a function\'s, busy or not.' }) use!: CapacityUse;
  @ApiProperty({ format: 'uuid', type: String, nullable: true }) functionId!: string | null;
  @ApiProperty({ type: String, nullable: true }) functionName!: string | null;
  @ApiProperty({ type: 'integer', nullable: true }) revision!: number | null;
  @ApiProperty({ type: String, nullable: true, description: 'Of a pod that waited.' }) runtime!: string | null;
  @ApiProperty() cluster!: string;
  @ApiProperty({ description: 'UID of the pod.' }) podUid!: string;
  @ApiProperty({ type: 'integer', format: 'int64' }) ms!: number;
  @ApiProperty() gbSeconds!: string;
  @ApiProperty() cpuSeconds!: string;
  @ApiProperty({ type: String, format: 'date-time', description: 'When it began.' }) occurredAt!: Date;
  @ApiProperty({ type: String, format: 'date-time', description: 'When it was booked.' }) recordedAt!: Date;
}

export class UsageQuery {
  @ApiPropertyOptional({ description: 'Month as YYYY-MM in the time zone of the tenant; the present one when absent.', pattern: MONTH.source })
  @IsOptional() @Matches(MONTH, { message: 'must be a month such as 2026-11' })
  period?: string;
}

export class UsageRecordsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'Month as YYYY-MM in the time zone of the tenant; the present one when absent.', pattern: MONTH.source })
  @IsOptional() @Matches(MONTH, { message: 'must be a month such as 2026-11' })
  period?: string;
}
