import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { MOST_POOL_PODS, POOL_RUNTIMES, type PoolRuntime } from '../../../contract/pool-resource.js';
import { DateField, EnumField, IntField, ListField, LongField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { ConditionModel, TenantMutationInput } from '../../tenants/api/tenant.model.js';

const MIN = 'Pods that wait at any time.';
const MAX = 'Most pods that wait; in between, as many as the bursts of the last minutes took. Each is held of the tenant\'s quota.';

@ObjectType('PoolBounds', { description: 'How many pods of a runtime wait, ready, for functions that start.' })
export class PoolBoundsModel {
  @EnumField('PoolRuntime', POOL_RUNTIMES) runtime!: PoolRuntime;
  @IntField({ description: MIN }) min!: number;
  @IntField({ description: MAX }) max!: number;
}

@ObjectType('PoolRefusal', { description: 'A pod that there was no quota for.' })
export class PoolRefusalModel {
  @DateField({ description: 'Since when it was refused in these words.' }) at!: Date;
  @TextField({ max: 4096 }) message!: string;
}

@ObjectType('PoolRuntimeStatus')
export class PoolRuntimeStatusModel {
  @EnumField('PoolRuntime', POOL_RUNTIMES) runtime!: PoolRuntime;
  @IntField({ description: 'Pods wanted waiting, by the demand of the last minutes.' }) desired!: number;
  @IntField({ description: 'Pods that wait, ready or not.' }) waiting!: number;
  @IntField({ description: 'Pods that a function could take now.' }) ready!: number;
  @IntField({ description: 'Pods that came out of the pool and serve functions.' }) serving!: number;
  @IntField({ description: 'Pods that functions asked for in the last ten minutes, whether or not there was one.' }) recentClaims!: number;
  @LongField({ description: 'Seconds that pods waited since the pool was made, as of a few minutes ago; the bill goes by the ledger (`usage`).' }) idlePodSeconds!: number;
  @TextField({ max: 4096, nullable: true, description: 'What keeps the pool from being full.' }) message!: string | null;
  @ObjectField(() => PoolRefusalModel, { nullable: true, description: 'The last refusal for want of quota.' }) lastRefusal!: PoolRefusalModel | null;
}

@ObjectType('PoolOnCluster', { description: 'What there is of the pools on one cluster.' })
export class PoolOnClusterModel {
  @TextField() cluster!: string;
  @ListField(() => PoolRuntimeStatusModel, { max: POOL_RUNTIMES.length }) runtimes!: PoolRuntimeStatusModel[];
  @ListField(() => ConditionModel, { description: 'Ready: as many pods as are wanted could be taken now.' }) conditions!: ConditionModel[];
  @DateField({ description: 'When it was last heard of.' }) observedAt!: Date;
}

@ObjectType('Pools', { description: 'A tenant\'s warm pools: pods of its own that a cold start takes, in place of waiting for one.' })
export class PoolsModel {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ListField(() => PoolBoundsModel, { description: 'As they were set.' }) runtimes!: PoolBoundsModel[];
  @ListField(() => PoolBoundsModel, { description: 'In force, for every runtime: none while the tenant\'s compute is suspended.' }) effective!: PoolBoundsModel[];
  @ListField(() => PoolOnClusterModel, { max: 500, description: 'What there is, by cluster.' }) status!: PoolOnClusterModel[];
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField({ nullable: true, description: 'Null while they were never set.' }) updatedAt!: Date | null;
}

@InputType()
export class PoolBoundsBody {
  @EnumField('PoolRuntime', POOL_RUNTIMES) runtime!: PoolRuntime;
  @IntField({ min: 0, max: MOST_POOL_PODS, description: MIN }) min!: number;
  @IntField({ min: 0, max: MOST_POOL_PODS, description: MAX }) max!: number;
}

@InputType()
export class PutPoolsBody {
  @ListField(() => PoolBoundsBody, { max: POOL_RUNTIMES.length, description: 'Runtimes that shall have warm pods; those left out have none.' }) runtimes!: PoolBoundsBody[];
}

@InputType()
export class SetPoolsInput extends TenantMutationInput {
  @ListField(() => PoolBoundsBody, { max: POOL_RUNTIMES.length, description: 'Runtimes that shall have warm pods; those left out have none.' }) runtimes!: PoolBoundsBody[];
}

@ObjectType()
export class PoolsPayload extends MutationPayload {
  @Field(() => PoolsModel, { nullable: true }) pools?: PoolsModel;
}
