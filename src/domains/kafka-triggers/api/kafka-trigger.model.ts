import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { KAFKA_START_POSITIONS, KAFKA_TOPIC, MOST_BROKERS, SASL_MECHANISMS, type KafkaStartPosition, type SaslMechanism } from '../../../contract/function-resource.js';
import { TRIGGER_NAME } from '../../../contract/triggers.js';
import { BoolField, DateField, EnumField, IntField, ListField, LongField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { MAX_PATH } from '../../invocations/invocation-request.policy.js';
import { ConditionModel, TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { ON_EXHAUSTED, type OnExhausted } from '../kafka-trigger-body.js';
import { DEFAULTS, LEAST_BATCH_BYTES, LONGEST_WINDOW_MS, MOST_ATTEMPTS, MOST_BATCH_BYTES, MOST_BATCH_RECORDS, MOST_CONCURRENCY, MOST_TOPICS } from '../kafka-trigger-rules.policy.js';

/** Null means the same as absent; in patches it removes. */
const MAYBE = { optional: true, nullable: true } as const;
const BROKERS = { min: 1, max: MOST_BROKERS, example: ['kafka.example:9092'], description: 'host:port of some of the brokers; they tell of the others. Private addresses only where the platform\'s operators allow them.' } as const;
const TOPICS = { min: 1, max: MOST_TOPICS, itemPattern: KAFKA_TOPIC, example: ['orders'], description: 'Topics that are read.' } as const;
const FUNCTION = { max: 40, description: 'Name of the function that is called with the records.', example: 'hello' } as const;
const REFERENCE = { max: 64, description: 'Name or UUID of the Kafka trigger.' } as const;
const GROUP = { max: 255, description: 'Consumer group as which it reads, of which it is the only member; fnplane.<tenant>.<name> when absent.' } as const;
const START = { description: `Where it begins in a partition of which the group has committed nothing, ${DEFAULTS.startPosition} when absent.` } as const;
const SIZE = { min: 1, max: MOST_BATCH_RECORDS, description: `Most records of one call, ${DEFAULTS.batchSize} when absent.` } as const;
const WINDOW = { min: 0, max: LONGEST_WINDOW_MS, description: 'How long a batch that is not full waits for more records, 0 when absent.' } as const;
const BYTES = { min: LEAST_BATCH_BYTES, max: MOST_BATCH_BYTES, description: `Most bytes of keys, values and header fields in one call, ${DEFAULTS.maxBatchBytes} when absent. A single record that is larger is not delivered: it goes where exhausted records go.` } as const;
const CONCURRENCY = { min: 1, max: MOST_CONCURRENCY, description: `Partitions worked on at once, ${DEFAULTS.concurrency} when absent. Within a partition one call follows the other.` } as const;
const ATTEMPTS = { min: 1, max: MOST_ATTEMPTS, description: `Most tries of a batch, ${DEFAULTS.maxAttempts} when absent; then it is halved until the record that fails is alone. What the platform itself refuses (not ready, overloaded, suspended...) is none.` } as const;
const DEAD_LETTERS = { max: 249, pattern: KAFKA_TOPIC, patternMessage: 'must be the name of a topic', description: 'Topic at the same brokers that gets the records no try delivered.' } as const;
const EXHAUSTED = { description: `Without a topic for dead letters: pass the record over, or keep its partition waiting while it is tried on; ${DEFAULTS.onExhausted} when absent.` } as const;
const PATH = { max: MAX_PATH, description: `What the function sees as its request target, ${DEFAULTS.path} when absent.` } as const;
const TLS = { description: 'Whether brokers are reached by TLS, false when absent.' } as const;
const SASL = { description: 'How to sign in to brokers; PLAIN needs tls.' } as const;
const SECRET = { max: 63, description: 'Name of a secret of the tenant with KAFKA_USERNAME and KAFKA_PASSWORD for sasl, KAFKA_CA (PEM) where brokers have certificates of an authority of their own, KAFKA_CERTIFICATE and KAFKA_KEY where they ask for one.' } as const;
const SUSPENDED = { description: 'Whether nothing is read for now, false when absent.' } as const;

/** What may be left out, as it was sent. */
@InputType({ isAbstract: true })
@ObjectType({ isAbstract: true })
export class KafkaTriggerOptions {
  @TextField({ ...GROUP, ...MAYBE }) consumerGroup?: string | null;
  @EnumField('KafkaStartPosition', KAFKA_START_POSITIONS, { ...START, ...MAYBE }) startPosition?: KafkaStartPosition | null;
  @IntField({ ...SIZE, ...MAYBE }) batchSize?: number | null;
  @IntField({ ...WINDOW, ...MAYBE }) batchWindowMs?: number | null;
  @IntField({ ...BYTES, ...MAYBE }) maxBatchBytes?: number | null;
  @IntField({ ...CONCURRENCY, ...MAYBE }) concurrency?: number | null;
  @IntField({ ...ATTEMPTS, ...MAYBE }) maxAttempts?: number | null;
  @TextField({ ...DEAD_LETTERS, ...MAYBE }) deadLetterTopic?: string | null;
  @EnumField('OnExhausted', ON_EXHAUSTED, { ...EXHAUSTED, ...MAYBE }) onExhausted?: OnExhausted | null;
  @TextField({ ...PATH, ...MAYBE }) path?: string | null;
  @BoolField({ ...SUSPENDED, ...MAYBE }) suspended?: boolean | null;
  @BoolField({ ...TLS, ...MAYBE }) tls?: boolean | null;
  @EnumField('SaslMechanism', SASL_MECHANISMS, { ...SASL, ...MAYBE }) sasl?: SaslMechanism | null;
  @TextField({ ...SECRET, ...MAYBE }) secret?: string | null;
}

@ObjectType('EffectiveKafkaTrigger', { description: 'With what was not sent.' })
export class EffectiveKafkaTriggerModel {
  @TextField(GROUP) consumerGroup!: string;
  @EnumField('KafkaStartPosition', KAFKA_START_POSITIONS, START) startPosition!: KafkaStartPosition;
  @IntField(SIZE) batchSize!: number;
  @IntField(WINDOW) batchWindowMs!: number;
  @IntField(BYTES) maxBatchBytes!: number;
  @IntField(CONCURRENCY) concurrency!: number;
  @IntField(ATTEMPTS) maxAttempts!: number;
  @EnumField('OnExhausted', ON_EXHAUSTED, EXHAUSTED) onExhausted!: OnExhausted;
  @TextField(PATH) path!: string;
  @BoolField(SUSPENDED) suspended!: boolean;
}

@ObjectType('KafkaTriggerStatus')
export class KafkaTriggerStatusModel {
  @ListField(() => ConditionModel, { description: 'Ready: whether records reach the function. Reasons: Starting, Consuming, Suspended, BrokerUnreachable, AddressClosed, AuthenticationFailed, AccessDenied, TopicNotFound, SecretMissing, AnswerUnreadable, GroupInUse, FunctionNotFound, FunctionNotReady, Retrying, Blocked, PlatformError.' }) conditions!: ConditionModel[];
  @IntField({ description: 'Partitions of its topics that it reads at present.' }) assignedPartitions!: number;
  @LongField({ optional: true, description: 'Records that wait in these partitions, as last seen.' }) lag?: number;
  @DateField({ optional: true, description: 'When the function last took a batch.' }) lastDeliveryAt?: Date;
  @LongField({ description: 'Records that the function took.' }) delivered!: number;
  @LongField({ description: 'Calls that failed.' }) failed!: number;
  @LongField({ description: 'Records that went to the topic for dead letters.' }) deadLettered!: number;
  @LongField({ description: 'Records that were passed over.' }) skipped!: number;
}

@ObjectType('KafkaTrigger', { implements: () => [Node], description: 'Topics whose records a function is called with.' })
export class KafkaTriggerModel extends KafkaTriggerOptions {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Unique among the tenant\'s Kafka triggers.' }) name!: string;
  @TextField({ description: FUNCTION.description }) function!: string;
  @ListField(() => String, BROKERS) brokers!: string[];
  @ListField(() => String, TOPICS) topics!: string[];
  @ObjectField(() => EffectiveKafkaTriggerModel) effective!: EffectiveKafkaTriggerModel;
  @ObjectField(() => KafkaTriggerStatusModel) status!: KafkaTriggerStatusModel;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

@InputType('KafkaTriggerInput')
export class CreateKafkaTriggerBody extends KafkaTriggerOptions {
  @TextField({ max: 40, pattern: TRIGGER_NAME, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and have no three hyphens in a row', example: 'orders' }) name!: string;
  @TextField(FUNCTION) function!: string;
  @ListField(() => String, BROKERS) brokers!: string[];
  @ListField(() => String, TOPICS) topics!: string[];
}

/** Merge patch: null removes. */
@InputType('KafkaTriggerPatch')
export class KafkaTriggerPatchBody extends KafkaTriggerOptions {
  @TextField({ ...FUNCTION, optional: true }) function?: string;
  @ListField(() => String, { ...BROKERS, optional: true }) brokers?: string[];
  @ListField(() => String, { ...TOPICS, optional: true }) topics?: string[];
}

@InputType()
export class CreateKafkaTriggerInput extends TenantCreationInput {
  @ObjectField(() => CreateKafkaTriggerBody) kafkaTrigger!: CreateKafkaTriggerBody;
}

@InputType()
export class PatchKafkaTriggerInput extends TenantMutationInput {
  @TextField(REFERENCE) kafkaTrigger!: string;
  @ObjectField(() => KafkaTriggerPatchBody) change!: KafkaTriggerPatchBody;
}

@InputType()
export class DeleteKafkaTriggerInput extends TenantMutationInput {
  @TextField(REFERENCE) kafkaTrigger!: string;
}

@ObjectType()
export class KafkaTriggerPayload extends MutationPayload {
  @Field(() => KafkaTriggerModel, { nullable: true }) kafkaTrigger?: KafkaTriggerModel;
}
