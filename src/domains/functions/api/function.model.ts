import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { AUTHENTICATION_MODES, METERING_SOURCES, type AuthenticationMode, type MeteringSource } from '../../../contract/function-resource.js';
import { FUNCTION_NAME } from '../../../contract/names.js';
import { ConnectionArgs } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, IntField, ListField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { OperationModel } from '../../operations/api/operation.model.js';
import { ConditionModel, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { FUNCTION_STATES, type FunctionState } from '../function-states.js';
import { FunctionPatchBody, ResourcesModel, SecretDeliveryModel, WholeFunctionFields } from './function-fields.model.js';
import { RolloutModel, ScalingModel, TrafficRuleModel } from './release-fields.model.js';
import { RevisionPodsModel, RolloutStatusModel, ScaleStatusModel, TrafficShareModel } from './release-status.model.js';

const NAME = { pattern: FUNCTION_NAME, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row', max: 40 } as const;

@ObjectType('EffectiveFunction', { description: 'What is in force: what was asked for, with defaults filled in.' })
export class EffectiveFunctionModel {
  @TextField({ optional: true, description: 'Absent where the runtime has none.' }) handler?: string;
  @ObjectField(() => ResourcesModel) resources!: ResourcesModel;
  @ObjectField(() => ScalingModel) scaling!: ScalingModel;
  @ListField(() => TrafficRuleModel) traffic!: TrafficRuleModel[];
  @ObjectField(() => RolloutModel) rollout!: RolloutModel;
  @IntField() timeoutSeconds!: number;
  @IntField() concurrency!: number;
  @EnumField('FunctionAuthentication', AUTHENTICATION_MODES) authentication!: AuthenticationMode;
  @EnumField('FunctionMetering', METERING_SOURCES) metering!: MeteringSource;
  @ObjectField(() => SecretDeliveryModel) secretDelivery!: SecretDeliveryModel;
  @TextField({ optional: true, max: 512, description: 'Image of the target revision, by digest, once it is built or looked up.' }) image?: string;
}

@ObjectType('FunctionStatus', { description: 'What became of what was asked for.' })
export class FunctionStatusModel {
  @IntField({ description: 'The last generation the cluster has acted upon.' }) observedGeneration!: number;
  @IntField({ description: 'Revision that shall receive requests.' }) targetRevision!: number;
  @IntField({ optional: true, description: 'Revision that receives most requests; absent while none ever was ready.' }) servingRevision?: number;
  @IntField({ description: 'Pods wanted of the serving revision.' }) replicas!: number;
  @IntField({ description: 'Pods ready of the serving revision.' }) readyReplicas!: number;
  @TextField({ max: 2048, description: 'Where it is invoked: anything below this address reaches the function.' }) url!: string;
  @ListField(() => TrafficShareModel, { description: 'Where requests go now; empty while no revision ever was ready.' }) traffic!: TrafficShareModel[];
  @ListField(() => RevisionPodsModel, { description: 'Revisions that have pods, or shall have some.' }) revisions!: RevisionPodsModel[];
  @ObjectField(() => RolloutStatusModel) rollout!: RolloutStatusModel;
  @ObjectField(() => ScaleStatusModel, { optional: true, description: 'Absent while no cluster has told of it.' }) scale?: ScaleStatusModel;
  @ListField(() => ConditionModel) conditions!: ConditionModel[];
}

@ObjectType('Function', { implements: () => [Node], description: 'Code that runs for a tenant, and how.' })
export class FunctionModel extends WholeFunctionFields {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Unique in its tenant.' }) name!: string;
  @ObjectField(() => EffectiveFunctionModel) effective!: EffectiveFunctionModel;
  @ObjectField(() => FunctionStatusModel) status!: FunctionStatusModel;
  @EnumField('FunctionState', FUNCTION_STATES) state!: FunctionState;
  @IntField({ description: 'Counts the changes asked for.' }) generation!: number;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

/** A whole function, named: POST and deployFunction. */
@InputType('FunctionInput')
export class FunctionBodyModel extends WholeFunctionFields {
  @TextField({ ...NAME, example: 'hello' }) name!: string;
}

/** A whole function whose name stands in the address. */
export class ReplaceFunctionBody extends WholeFunctionFields {
  @TextField({ ...NAME, optional: true, description: 'When given, the name in the address.' }) name?: string;
}

/** Answer of a change: the resource and the operation that brings it about. */
export class AcceptedFunction extends FunctionModel {
  @ApiPropertyOptional({ type: OperationModel, description: 'Absent when nothing had to change.' }) operation?: OperationModel;
}

@InputType()
export class DeployFunctionInput extends TenantMutationInput {
  @ObjectField(() => FunctionBodyModel) function!: FunctionBodyModel;
}

@InputType()
export class PatchFunctionInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the function.' }) function!: string;
  @ObjectField(() => FunctionPatchBody) change!: FunctionPatchBody;
}

@InputType()
export class DeleteFunctionInput extends TenantMutationInput {
  @TextField({ max: 64, description: 'Name or UUID of the function.' }) function!: string;
}

@ObjectType()
export class FunctionPayload extends MutationPayload {
  @Field(() => FunctionModel, { nullable: true }) function?: FunctionModel;
  @Field(() => OperationModel, { nullable: true, description: 'Absent when nothing had to change.' }) operation?: OperationModel;
}

@ArgsType()
export class RevisionsArgs extends ConnectionArgs {}
