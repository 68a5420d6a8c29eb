import { ArgsType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, MaxLength } from 'class-validator';
import { ConnectionArgs, connectionOf } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, JsonField, LongField, TextField } from '../../../platform/graphql/fields.js';
import { Node } from '../../../platform/graphql/node.js';
import { PageQuery } from '../../../platform/rest/paging.js';
import { EVENT_TYPES, type EventType } from '../event-types.js';

const OF_TYPE = 'Only of this type.';
const ON_SUBJECT = 'Only on exactly this subject, e.g. `functions/hello`.';

@ObjectType('PlatformEvent', { implements: () => [Node], description: 'Something that happened in a tenant. Kept for 30 days.' })
export class EventModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @LongField({ description: 'Grows from event to event of the tenant; there may be gaps.' }) sequence!: number;
  @EnumField('EventType', EVENT_TYPES, { description: 'As a CloudEvent `dev.fnplane.<type>.v1`.' }) type!: EventType;
  @TextField({ description: 'CloudEvents source: `/tenants/<name>`.' }) source!: string;
  @TextField({ description: 'What it happened to, below the source: `functions/<name>`, `secrets/<name>`, `async-invocations/<id>`, `suspension`, `spending`.' }) subject!: string;
  @DateField() time!: Date;
  @JsonField({ description: 'An object; which fields it has depends on the type.' }) data!: Record<string, unknown>;
}

export class EventsQuery extends PageQuery {
  @ApiPropertyOptional({ enum: [...EVENT_TYPES], description: OF_TYPE })
  @IsOptional() @IsIn([...EVENT_TYPES])
  type?: EventType;

  @ApiPropertyOptional({ description: ON_SUBJECT, maxLength: 255 })
  @IsOptional() @IsString() @MaxLength(255)
  subject?: string;
}

export const EventConnection = connectionOf(EventModel, 'PlatformEvent');

@ArgsType()
export class TenantEventsArgs extends ConnectionArgs {
  @EnumField('EventType', EVENT_TYPES, { optional: true, nullable: true, description: OF_TYPE }) type?: EventType | null;
  @TextField({ optional: true, nullable: true, max: 255, description: ON_SUBJECT }) subject?: string | null;
}

@ArgsType()
export class EventsArgs extends TenantEventsArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
}
