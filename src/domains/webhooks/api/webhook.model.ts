import { ArgsType, Field, InputType, ObjectType } from '@nestjs/graphql';
import { ApiProperty } from '@nestjs/swagger';
import { connectionOf, TenantConnectionArgs } from '../../../platform/graphql/connection.js';
import { BoolField, DateField, EnumField, IntField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationPayload } from '../../../platform/graphql/mutation.js';
import { Node } from '../../../platform/graphql/node.js';
import { DIRECTED_TYPES, EVENT_TYPES, type DirectedType, type EventType } from '../../events/event-types.js';
import { TenantCreationInput, TenantMutationInput } from '../../tenants/api/tenant.model.js';
import { DEFAULT_OVERLAP_SECONDS, DISABLED_REASONS, MOST_OVERLAP_SECONDS, WEBHOOK_STATES, type DisabledReason, type WebhookState } from '../webhook-states.js';

const NAME = { max: 40, pattern: /^(?![0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?$/, patternMessage: 'must be 1 to 40 lower-case letters, digits and hyphens, start with a letter and not be a UUID' } as const;
const URL_FIELD = { max: 2_048, description: 'Address on the internet, https. It is judged at each delivery, and redirects are not followed. Keep credentials out of it: the signature proves who sends.', example: 'https://hooks.example/fnplane' } as const;
const EVENTS = { list: true, min: 1, optional: true, nullable: true, description: 'Types that are sent; null: all.' } as const;
const DISABLED = 'Nothing is sent while it is. What happens meanwhile waits as long as events are kept.';
const SHOWN_ONCE = 'The signing secret. It is shown this once.';
const REFERENCE = { max: 64, description: 'Name or UUID of the webhook.' } as const;
const OVERLAP = { optional: true, min: 0, max: MOST_OVERLAP_SECONDS, description: `Seconds that the present secret signs beside the new one: ${DEFAULT_OVERLAP_SECONDS} when absent; 0 ends it at once.` } as const;
/** Of events that are sent. */
const SENT_TYPES = [...new Set([...EVENT_TYPES, ...DIRECTED_TYPES])];

@ObjectType('WebhookDeliveryError')
export class WebhookDeliveryErrorModel {
  @TextField({ description: 'Stable code: `WEBHOOK_REFUSED` for answers other than 2xx, or one of the way there.' }) code!: string;
  @TextField({ max: 1_000 }) message!: string;
}

@ObjectType('WebhookDelivery', { description: 'One try to deliver one event. The last 100 are kept.' })
export class WebhookDeliveryModel {
  @IntField({ description: 'Counts the webhook\'s tries.' }) number!: number;
  @TextField({ format: 'uuid', description: 'Id of the event: webhook-id of the request.' }) eventId!: string;
  @EnumField('SentEventType', SENT_TYPES) eventType!: EventType | DirectedType;
  @IntField({ description: 'Which try of this event it was.' }) attempt!: number;
  @DateField() at!: Date;
  @IntField() durationMs!: number;
  @BoolField() delivered!: boolean;
  @IntField({ optional: true, nullable: true, description: 'HTTP status of the answer, where there was one.' }) status!: number | null;
  @ObjectField(() => WebhookDeliveryErrorModel, { optional: true, nullable: true }) error!: WebhookDeliveryErrorModel | null;
}

export const WebhookDeliveryConnection = connectionOf(WebhookDeliveryModel, 'WebhookDelivery');

@ObjectType('WebhookStatus')
export class WebhookStatusModel {
  @EnumField('WebhookState', WEBHOOK_STATES) state!: WebhookState;
  @EnumField('WebhookDisabledReason', DISABLED_REASONS, { optional: true, nullable: true, description: 'Why it is disabled: by its owner; the address answered 410; it failed for three days. A replay, a test or another URL takes the last two up again.' }) disabledReason!: DisabledReason | null;
  @DateField({ optional: true, nullable: true, description: 'When the platform gave up.' }) disabledAt!: Date | null;
  @DateField({ optional: true, nullable: true }) failingSince!: Date | null;
  @DateField({ optional: true, nullable: true, description: 'When the event that fails is tried again.' }) nextAttemptAt!: Date | null;
  @IntField({ description: 'Events that wait; 1,000 stands for as many or more.' }) backlog!: number;
  @ObjectField(() => WebhookDeliveryModel, { optional: true, nullable: true }) lastDelivery!: WebhookDeliveryModel | null;
  @DateField({ optional: true, nullable: true, description: 'Until then the secret before the present one signs too.' }) previousSecretUntil!: Date | null;
}

@ObjectType('Webhook', { implements: () => [Node], description: 'An address that is told what happens in a tenant: one event after the other, signed by the Standard Webhooks scheme, each at least once.' })
export class WebhookModel {
  @ApiProperty({ format: 'uuid' }) id!: string;
  @ApiProperty({ format: 'uuid' }) tenantId!: string;
  @TextField({ description: 'Unique in its tenant.' }) name!: string;
  @TextField({ ...URL_FIELD, max: 2_048 }) url!: string;
  @EnumField('EventType', EVENT_TYPES, { list: true, optional: true, nullable: true, description: EVENTS.description }) events!: EventType[] | null;
  @BoolField({ description: DISABLED }) disabled!: boolean;
  @ObjectField(() => WebhookStatusModel) status!: WebhookStatusModel;
  @TextField({ description: 'For If-Match.' }) etag!: string;
  @DateField() createdAt!: Date;
  @DateField() updatedAt!: Date;
}

/** Answer of the request that made the webhook, or its new secret. */
export class CreatedWebhookModel extends WebhookModel {
  @ApiProperty({ description: SHOWN_ONCE, example: 'whsec_...' }) secret!: string;
}

/** Answer of a test. */
export class TestedWebhookModel extends WebhookModel {
  @ApiProperty({ format: 'uuid', description: 'Id of the event that is sent.' }) eventId!: string;
}

@InputType('WebhookInput')
export class CreateWebhookBody {
  @TextField({ ...NAME, example: 'deploys' }) name!: string;
  @TextField(URL_FIELD) url!: string;
  @EnumField('EventType', EVENT_TYPES, EVENTS) events?: EventType[] | null;
  @BoolField({ optional: true, description: DISABLED }) disabled?: boolean;
}

/** Merge patch: null removes. */
@InputType('WebhookPatch')
export class WebhookPatchBody {
  @TextField({ ...URL_FIELD, optional: true }) url?: string;
  @EnumField('EventType', EVENT_TYPES, EVENTS) events?: EventType[] | null;
  @BoolField({ optional: true, nullable: true, description: DISABLED }) disabled?: boolean | null;
}

@InputType('WebhookReplayInput')
export class ReplayWebhookBody {
  @TextField({ optional: true, max: 64, description: 'Id of the event to begin with.' }) fromEvent?: string;
  @DateField({ optional: true, description: 'Begin with the first event at or after this time.' }) fromTime?: Date;
}

export class RotateWebhookSecretBody {
  @IntField(OVERLAP) overlapSeconds?: number;
}

@InputType()
export class CreateWebhookInput extends TenantCreationInput {
  @ObjectField(() => CreateWebhookBody) webhook!: CreateWebhookBody;
}

@InputType()
export class PatchWebhookInput extends TenantMutationInput {
  @TextField(REFERENCE) webhook!: string;
  @ObjectField(() => WebhookPatchBody) change!: WebhookPatchBody;
}

@InputType()
export class WebhookReferenceInput extends TenantMutationInput {
  @TextField(REFERENCE) webhook!: string;
}

@InputType()
export class ReplayWebhookInput extends WebhookReferenceInput {
  @ObjectField(() => ReplayWebhookBody) from!: ReplayWebhookBody;
}

@InputType()
export class RotateWebhookSecretInput extends WebhookReferenceInput {
  @IntField(OVERLAP) overlapSeconds?: number;
}

@ArgsType()
export class WebhookDeliveriesArgs extends TenantConnectionArgs {
  @TextField(REFERENCE) webhook!: string;
}

@ObjectType()
export class WebhookPayload extends MutationPayload {
  @Field(() => WebhookModel, { nullable: true }) webhook?: WebhookModel;
}

@ObjectType()
export class WebhookSecretPayload extends MutationPayload {
  @Field(() => WebhookModel, { nullable: true }) webhook?: WebhookModel;
  @Field(() => String, { nullable: true, description: SHOWN_ONCE }) secret?: string;
}

@ObjectType()
export class TestWebhookPayload extends MutationPayload {
  @Field(() => WebhookModel, { nullable: true }) webhook?: WebhookModel;
  @Field(() => String, { nullable: true, description: 'Id of the event that is sent.' }) eventId?: string;
}
