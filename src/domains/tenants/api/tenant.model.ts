import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { TENANT_NAME } from '../../../contract/names.js';
import { ConnectionArgs } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, IntField, ListField, MapField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationInput, MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { OperationModel } from '../../operations/api/operation.model.js';
import { SPENDING_STATES, SUSPENSION_LEVELS, TENANT_STATES, type SpendingState, type SuspensionLevel, type TenantState } from '../tenant-state.js';

/** Label keys and values are the tenant's own words; they never reach Kubernetes labels. */
const LABEL_KEY = /^[A-Za-z0-9]([-A-Za-z0-9_./]{0,61}[A-Za-z0-9])?$/;

@ObjectType('Condition', { description: 'One statement about the state of a resource.' })
export class ConditionModel {
  @TextField({ description: 'Ready, Reconciling, Serving, ScalingActive, SpendLimitReached.' }) type!: string;
  @EnumField('ConditionStatus', ['True', 'False', 'Unknown']) status!: 'True' | 'False' | 'Unknown';
  @TextField({ description: 'Why, as one word for programs.' }) reason!: string;
  @TextField({ max: 4000, description: 'Why, for people, and what to do.' }) message!: string;
  @DateField() lastTransitionTime!: Date;
}

@ObjectType('Tenant', { implements: () => [Node], description: 'A team with its own function cloud.' })
export class TenantModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid', description: 'The same as `id`.' }) tenantId!: string;
  @TextField({ description: 'Unique on this platform.' }) name!: string;
  @TextField() displayName!: string;
  @MapField({ keyPattern: LABEL_KEY }) labels!: Record<string, string>;
  @TextField() plan!: string;
  @TextField({ description: 'IANA time zone of its bills.' }) timeZone!: string;
  @EnumField('TenantState', TENANT_STATES) state!: TenantState;
  @EnumField('Suspension', SUSPENSION_LEVELS) suspension!: SuspensionLevel;
  @EnumField('Spending', SPENDING_STATES, { description: 'Whether the month has cost what the quota allows; the conditions say how much.' }) spending!: SpendingState;
  @IntField({ description: 'Counts the changes asked for.' }) generation!: number;
  @IntField({ description: 'The last change that is fully in place.' }) observedGeneration!: number;
  @ListField(() => ConditionModel) conditions!: ConditionModel[];
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

@InputType()
export class CreateTenantBody {
  @TextField({ pattern: TENANT_NAME, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row', max: 40, example: 'shop' }) name!: string;
  @TextField({ optional: true, max: 200 }) displayName?: string;
  @MapField({ optional: true, keyPattern: LABEL_KEY }) labels?: Record<string, string>;
  @TextField({ optional: true, max: 63, description: 'Name of a plan; `standard` when absent.' }) plan?: string;
  @TextField({ optional: true, max: 64, description: 'IANA time zone of its bills; UTC when absent.' }) timeZone?: string;
}

@InputType()
export class ChangeTenantBody {
  @TextField({ optional: true, nullable: true, max: 200 }) displayName?: string | null;
  @MapField({ optional: true, nullable: true, nullValues: true, keyPattern: LABEL_KEY }) labels?: Record<string, string | null> | null;
  @TextField({ optional: true, max: 63 }) plan?: string;
  @TextField({ optional: true, max: 64 }) timeZone?: string;
}

@InputType()
export class SuspendTenantBody {
  @EnumField('Suspension', SUSPENSION_LEVELS) level!: SuspensionLevel;
}

/** Answer of a change: the resource and the operation that brings it about. */
export class AcceptedTenant extends TenantModel {
  @ApiProperty({ type: OperationModel }) operation!: OperationModel;
}

@InputType()
export class CreateTenantInput extends MutationInput {
  @ObjectField(() => CreateTenantBody) tenant!: CreateTenantBody;
}

/** Of mutations that add something to a tenant: there is nothing yet that they could be based on. */
@InputType({ isAbstract: true })
export abstract class TenantCreationInput extends MutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
}

@InputType({ isAbstract: true })
export abstract class TenantMutationInput extends TenantCreationInput {
  @TextField({ optional: true, max: 100, description: 'The etag the change is based on.' }) ifMatch?: string;
}

@InputType()
export class ChangeTenantInput extends TenantMutationInput {
  @ObjectField(() => ChangeTenantBody) change!: ChangeTenantBody;
}

@InputType()
export class SuspendTenantInput extends TenantMutationInput {
  @EnumField('Suspension', SUSPENSION_LEVELS) level!: SuspensionLevel;
}

@InputType()
export class DeleteTenantInput extends TenantMutationInput {}

@ObjectType()
export class TenantPayload extends MutationPayload {
  @Field(() => TenantModel, { nullable: true }) tenant?: TenantModel;
  @Field(() => OperationModel, { nullable: true }) operation?: OperationModel;
}

@ArgsType()
export class NamedConnectionArgs extends ConnectionArgs {
  @TextField({ optional: true, max: 64, description: 'Only the one with exactly this name.' }) name?: string;
}

/** The same for lists inside one tenant at the top level. */
@ArgsType()
export class NamedTenantConnectionArgs extends NamedConnectionArgs {
  @TextField({ max: 64, description: 'Name or UUID of the tenant.' }) tenant!: string;
}
