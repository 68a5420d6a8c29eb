import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { MOST_POOL_PODS, POOL_RUNTIMES, type PoolRuntime } from '../../../contract/pool-resource.js';
import { DateField, EnumField, IntField, ListField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';

const MIN = 'Pods that wait at any time.';
const MAX = 'Most pods that wait; in between, as many as the bursts of the last minutes took. Each is held of the tenant\'s quota.';

@ObjectType('PoolBounds', { description: 'How many pods of a runtime wait, ready, for functions that start.' })
export class PoolBoundsModel {
  @EnumField('PoolRuntime', POOL_RUNTIMES) runtime!: PoolRuntime;
  @IntField({ description: MIN }) min!: number;
  @IntField({ description: MAX }) max!: number;
}

@ObjectType('Pools', { description: 'A tenant\'s warm pools: pods of its own that a cold start takes, in place of waiting for one.' })
export class PoolsModel {
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @ListField(() => PoolBoundsModel, { description: 'As they were set.' }) runtimes!: PoolBoundsModel[];
  @ListField(() => PoolBoundsModel, { description: 'In force, for every runtime: none while the tenant\'s compute is suspended.' }) effective!: PoolBoundsModel[];
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
