import { ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';
import { DateField, IntField, ListField, LongField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { PageQuery } from '../../../platform/rest/paging.js';

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

@ObjectType('FunctionUsage')
export class FunctionUsageModel extends UsageQuantitiesModel {
  @TextField({ format: 'uuid' }) functionId!: string;
  @TextField({ description: 'Its name, also after it is gone.' }) functionName!: string;
}

@ObjectType('Usage', { description: 'What a tenant used in one month of its billing time zone.' })
export class UsageModel {
  @TextField({ example: '2026-11' }) period!: string;
  @TextField() timeZone!: string;
  @DateField({ description: 'Inclusive.' }) from!: Date;
  @DateField({ description: 'Exclusive.' }) to!: Date;
  @ObjectField(() => UsageQuantitiesModel) total!: UsageQuantitiesModel;
  @ListField(() => FunctionUsageModel, { max: 500, description: 'The busiest 500 functions.' }) functions!: FunctionUsageModel[];
}

@ObjectType('UsageRecord', { description: 'One row of the ledger.' })
export class UsageRecordModel extends FunctionUsageModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @IntField() revision!: number;
  @TextField() cluster!: string;
  @DateField({ description: 'When it happened.' }) occurredAt!: Date;
  @DateField({ description: 'When it was booked.' }) recordedAt!: Date;
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
