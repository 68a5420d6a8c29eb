import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { DateField, IntField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { WebhookStatusModel } from '../../webhooks/api/webhook.model.js';
import { DEFAULT_AGE_SECONDS, DEFAULT_ATTEMPTS, LEAST_AGE_SECONDS, MOST_AGE_SECONDS, MOST_ATTEMPTS } from '../async-request.policy.js';

/** Null means the same as absent. */
const MAYBE = { optional: true, nullable: true } as const;
const ATTEMPTS = { ...MAYBE, min: 1, max: MOST_ATTEMPTS, description: `Most tries of invocations that say nothing themselves; ${DEFAULT_ATTEMPTS} when absent.` } as const;
const AGE = { ...MAYBE, min: LEAST_AGE_SECONDS, max: MOST_AGE_SECONDS, description: `Seconds after which they fail; ${DEFAULT_AGE_SECONDS} when absent.` } as const;
const ON_SUCCESS = { ...MAYBE, description: 'Where it is told that an invocation succeeded.' } as const;
const ON_FAILURE = { ...MAYBE, description: 'Where it is told that an invocation failed.' } as const;
const SHOWN_ONCE = 'The signing secret of a webhook that was made by this request. It is shown this once.';
const FUNCTION = { max: 64, description: 'Name or UUID of the function.' } as const;

@InputType('AsyncWebhookInput')
@ObjectType('AsyncWebhook')
export class AsyncWebhookModel {
  @TextField({ max: 2_048, description: 'Address on the internet, https; requests are signed as those of webhooks, with a secret of its own.', example: 'https://hooks.example/ended' }) url!: string;
}

@InputType('AsyncDestinationInput')
@ObjectType('AsyncDestination', { description: 'Where an invocation\'s end is told: exactly one of them.' })
export class AsyncDestinationModel {
  @TextField({ ...MAYBE, max: 40, description: 'Name of a function of the tenant, which is invoked asynchronously with a JSON record of what became of the invocation.' }) function?: string | null;
  @ObjectField(() => AsyncWebhookModel, { ...MAYBE, description: 'An address that gets the same record as a CloudEvent.' }) webhook?: AsyncWebhookModel | null;
}

@ObjectType('AsyncPolicyStatus', { description: 'How the webhooks that it names stand.' })
export class AsyncPolicyStatusModel {
  @ObjectField(() => WebhookStatusModel, MAYBE) onSuccess!: WebhookStatusModel | null;
  @ObjectField(() => WebhookStatusModel, MAYBE) onFailure!: WebhookStatusModel | null;
}

@ObjectType('AsyncPolicy', { description: 'What holds for all asynchronous invocations of a function, and where they end.' })
export class AsyncPolicyModel {
  @TextField({ description: 'Name of the function.' }) function!: string;
  @IntField(ATTEMPTS) maxAttempts!: number | null;
  @IntField(AGE) maxAgeSeconds!: number | null;
  @ObjectField(() => AsyncDestinationModel, ON_SUCCESS) onSuccess!: AsyncDestinationModel | null;
  @ObjectField(() => AsyncDestinationModel, ON_FAILURE) onFailure!: AsyncDestinationModel | null;
  @ObjectField(() => AsyncPolicyStatusModel) status!: AsyncPolicyStatusModel;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

/** Answer of the request that wrote it. */
export class WrittenAsyncPolicyModel extends AsyncPolicyModel {
  @ApiProperty({ required: false, description: SHOWN_ONCE }) onSuccessSecret?: string;
  @ApiProperty({ required: false, description: SHOWN_ONCE }) onFailureSecret?: string;
}

@InputType('AsyncPolicyInput')
export class AsyncPolicyBodyModel {
  @IntField(ATTEMPTS) maxAttempts?: number | null;
  @IntField(AGE) maxAgeSeconds?: number | null;
  @ObjectField(() => AsyncDestinationModel, ON_SUCCESS) onSuccess?: AsyncDestinationModel | null;
  @ObjectField(() => AsyncDestinationModel, ON_FAILURE) onFailure?: AsyncDestinationModel | null;
}

@InputType()
export class SetAsyncPolicyInput extends TenantMutationInput {
  @TextField(FUNCTION) function!: string;
  @ObjectField(() => AsyncPolicyBodyModel) policy!: AsyncPolicyBodyModel;
}

@InputType()
export class DeleteAsyncPolicyInput extends TenantMutationInput {
  @TextField(FUNCTION) function!: string;
}

@ObjectType()
export class AsyncPolicyPayload extends MutationPayload {
  @Field(() => AsyncPolicyModel, { nullable: true }) asyncPolicy?: AsyncPolicyModel;
  @Field(() => String, { nullable: true, description: SHOWN_ONCE }) onSuccessSecret?: string;
  @Field(() => String, { nullable: true, description: SHOWN_ONCE }) onFailureSecret?: string;
}
