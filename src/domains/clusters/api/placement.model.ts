import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { connectionOf } from '../../../platform/graphql/connection.js';
import { DateField, EnumField, IntField, ListField, MapField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { ConditionModel, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { CLUSTER_VERDICTS, PLACEMENT_PURPOSES, PLACEMENT_STATES, type PlacementPurpose, type PlacementState, type Verdict } from '../placement-states.js';
import { LABEL_KEY } from './cluster.model.js';

@ObjectType('ClusterVerdict', { description: 'What one cluster came to when places were chosen for a tenant, and why.' })
export class ClusterVerdictModel {
  @TextField({ format: 'uuid' }) clusterId!: string;
  @TextField() clusterName!: string;
  @TextField() region!: string;
  @EnumField('ClusterVerdictKind', CLUSTER_VERDICTS, { description: 'spare: it would do, others come first.' }) verdict!: Verdict;
  @TextField({ description: 'Why, as one word for programs.' }) reason!: string;
  @TextField({ max: 1000, description: 'Why, for people.' }) message!: string;
}

@ObjectType('WaitingWorkload', { description: 'Something of a tenant that is not ready on a cluster.' })
export class WaitingWorkloadModel {
  @TextField() name!: string;
  @TextField({ max: 1000 }) message!: string;
}

@ObjectType('PlacedWorkloads', { description: 'What of a tenant\'s functions stands on one cluster.' })
export class PlacedWorkloadsModel {
  @IntField({ description: 'Functions that serve somewhere.' }) total!: number;
  @IntField({ description: 'Those of them that are ready on this cluster.' }) ready!: number;
  @ListField(() => WaitingWorkloadModel, { description: 'The first few of the others.' }) waiting!: WaitingWorkloadModel[];
}

@ObjectType('Placement', { implements: () => [Node], description: 'A tenant\'s place on one cluster.' })
export class PlacementModel {
  @ApiProperty({ format: 'uuid', description: 'Unique within the tenant: the cluster\'s.' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ format: 'uuid' }) clusterId!: string;
  @TextField() clusterName!: string;
  @TextField() region!: string;
  @TextField({ description: 'Namespace of the tenant on that cluster.' }) namespace!: string;
  @EnumField('PlacementState', PLACEMENT_STATES, {
    description: 'pending: being prepared to take over. active: chosen, and serves. leaving: serves until its replacement is ready. deleting: being taken away. orphaned: that, once its cluster answers again.',
  }) state!: PlacementState;
  @EnumField('PlacementPurpose', PLACEMENT_PURPOSES, { description: 'tenant: one of those that the tenant asks for as a whole. functions: only there for functions that ask for it.' }) wantedBy!: PlacementPurpose;
  @DateField({ description: 'Since when it is in that state.' }) stateSince!: Date;
  @ObjectField(() => PlacedWorkloadsModel, { optional: true, description: 'As it was when the tenant\'s places were looked at last; absent before the first look.' }) workloads?: PlacedWorkloadsModel;
  @ListField(() => ConditionModel) conditions!: ConditionModel[];
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

export const PlacementConnection = connectionOf(PlacementModel, 'Placement');

@ObjectType('EffectivePlacement', { description: 'What comes of what a tenant asks of its places.' })
export class EffectivePlacementModel {
  @ListField(() => String, { max: 10, description: 'Names of the clusters that are chosen now.' }) clusters!: string[];
  @IntField({ description: 'So many more are asked for than can be had.' }) missing!: number;
  @ListField(() => ClusterVerdictModel, { max: 1000, description: 'Every cluster, best first, and why the tenant is there or not.' }) whyHere!: ClusterVerdictModel[];
}

@ObjectType('PlacementSettings', { description: 'What a tenant asks of its places.' })
export class PlacementSettingsModel {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ListField(() => String, { max: 20, description: 'Any of these regions; empty for all.' }) regions!: string[];
  @MapField({ keyPattern: LABEL_KEY, description: 'Only clusters with all of these labels.' }) clusterLabels!: Record<string, string>;
  @IntField({ description: 'On so many clusters at once.' }) clusters!: number;
  @ObjectField(() => EffectivePlacementModel) effective!: EffectivePlacementModel;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField({ optional: true, description: 'Absent while nothing was asked for.' }) updatedAt?: Date;
}

@InputType()
export class PlacementSettingsBody {
  @ListField(() => String, { optional: true, max: 20, itemPattern: /^[-A-Za-z0-9_.]{1,63}$/, description: 'Any of these regions; all when absent or empty.' }) regions?: string[];
  @MapField({ optional: true, maxEntries: 16, keyPattern: LABEL_KEY, description: 'Only clusters with all of these labels.' }) clusterLabels?: Record<string, string>;
  @IntField({ optional: true, min: 1, max: 10, description: 'On so many clusters at once; 1 when absent.' }) clusters?: number;
}

@InputType()
export class SetPlacementInput extends TenantMutationInput {
  @ObjectField(() => PlacementSettingsBody) placement!: PlacementSettingsBody;
}

@ObjectType()
export class PlacementSettingsPayload extends MutationPayload {
  @Field(() => PlacementSettingsModel, { nullable: true }) placement?: PlacementSettingsModel;
}
