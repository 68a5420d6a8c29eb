import { Field, InputType, ObjectType } from '@nestjs/graphql';
import { KEY_PROVIDERS, type KeyProviderKind } from '../../../platform/crypto/key-provider.js';
import { BoolField, DateField, EnumField, ListField, LongField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { MutationInput, MutationPayload } from '../../../platform/graphql/mutation.js';

const KEY_ID = 1024;

@ObjectType('EncryptionKey', { description: 'A key-encryption key that secrets are or were sealed with. An id is never used for another key.' })
export class EncryptionKeyModel {
  @TextField({ max: KEY_ID, description: 'With its version, where the key service has versions.' }) id!: string;
  @EnumField('KeyProvider', KEY_PROVIDERS) provider!: KeyProviderKind;
  @EnumField('EncryptionKeyState', ['active', 'retired'], { description: 'retired: no secret needs it, and nothing is sealed with it again.' }) state!: 'active' | 'retired';
  @BoolField({ description: 'Whether new versions of secrets are sealed with it.' }) sealing!: boolean;
  @BoolField({ description: 'Whether the answering process was given it. What is sealed with one that is not available cannot be opened.' }) available!: boolean;
  @LongField({ min: 0, description: 'Versions of secrets that are sealed with it.' }) versions!: number;
  @DateField() firstUsedAt!: Date;
  @DateField({ optional: true }) retiredAt?: Date;
}

@ObjectType('RewrapRun', { description: 'A run that gives sealed secrets the key that seals now. Values are not touched.' })
export class RewrapRunModel {
  @TextField({ format: 'uuid' }) id!: string;
  @EnumField('RewrapState', ['running', 'done']) state!: 'running' | 'done';
  @TextField({ max: KEY_ID, description: 'The key that all shall have.' }) targetKey!: string;
  @LongField({ min: 0, description: 'Versions that had another key when it was asked for.' }) total!: number;
  @LongField({ min: 0 }) rewrapped!: number;
  @LongField({ min: 0, description: 'Versions whose data key could not be opened; they keep the key they had.' }) unreadable!: number;
  @DateField() requestedAt!: Date;
  @DateField({ optional: true }) finishedAt?: Date;
}

@ObjectType('Encryption', { description: 'What secrets are sealed with.' })
export class EncryptionModel {
  @TextField({ optional: true, max: KEY_ID, description: 'Id of the key that seals now; absent while the key service does not answer.' }) sealingKey?: string;
  @ListField(() => EncryptionKeyModel, { description: 'All keys in use, and the latest others; the oldest first.' }) keys!: EncryptionKeyModel[];
  @LongField({ min: 0, description: 'Versions of secrets that are sealed with another key than the one that seals now.' }) pending!: number;
  @ObjectField(() => RewrapRunModel, { optional: true, description: 'The latest one.' }) rewrap?: RewrapRunModel;
}

@InputType()
export class RewrapSecretsInput extends MutationInput {}

@ObjectType()
export class EncryptionPayload extends MutationPayload {
  @Field(() => EncryptionModel, { nullable: true }) encryption?: EncryptionModel;
}
