import { ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, EnumField, IntField, ListField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { ClusterVerdictModel } from '../../clusters/api/placement.model.js';
import { PLACEMENT_STATES, type PlacementState } from '../../clusters/placement-states.js';
import { PlacementRuleModel } from './placement-fields.model.js';

@ObjectType('FunctionPlace', { description: 'A function\'s place on one cluster.' })
export class FunctionPlaceModel {
  @TextField({ format: 'uuid' }) clusterId!: string;
  @TextField() clusterName!: string;
  @TextField() region!: string;
  @EnumField('PlacementState', PLACEMENT_STATES, { description: 'pending: being prepared to take over. active: serves. leaving: serves until its replacement is ready. deleting: being taken away. orphaned: that, once its cluster answers again.' }) state!: PlacementState;
  @DateField({ description: 'Since when it is in that state.' }) since!: Date;
  @IntField({ description: 'Its share of scaling.min.' }) min!: number;
  @IntField({ description: 'Its share of scaling.max.' }) max!: number;
}

@ObjectType('FunctionPlaces', { description: 'Where a function is, and why.' })
export class FunctionPlacesModel {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ApiProperty({ format: 'uuid' }) functionId!: string;
  @ObjectField(() => PlacementRuleModel, { optional: true, description: 'What it asks of its places; absent where it is wherever its tenant is.' }) placement?: PlacementRuleModel;
  @ListField(() => FunctionPlaceModel, { max: 1000 }) places!: FunctionPlaceModel[];
  @IntField({ description: 'So many more clusters are asked for than can be had.' }) missing!: number;
  @ListField(() => ClusterVerdictModel, { max: 1000, description: 'Every cluster, best first, and why the function is there or not.' }) whyHere!: ClusterVerdictModel[];
}
