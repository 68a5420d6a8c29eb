import type { KeyProviderKind } from '../../../platform/crypto/key-provider.js';
import type { EncryptionStatus } from '../encryption.service.js';
import { EncryptionKeyModel, EncryptionModel, RewrapRunModel, type EncryptionPayload } from './encryption.model.js';

export function toEncryptionModel({ sealingKey, keys, run }: EncryptionStatus): EncryptionModel {
  const models = keys.map(({ id, provider, state, sealing, available, versions, firstUsedAt, retiredAt }) => Object.assign(new EncryptionKeyModel(), {
    id, provider: provider as KeyProviderKind, state, sealing, available, versions: Number(versions), firstUsedAt, retiredAt: retiredAt ?? undefined,
  }));
  const pending = models.filter((key) => !key.sealing).reduce((sum, key) => sum + key.versions, 0);
  return Object.assign(new EncryptionModel(), { sealingKey, keys: models, pending, rewrap: run && toRunModel(run) });
}

export function toEncryptionPayload(status: EncryptionStatus): Omit<EncryptionPayload, 'userErrors'> {
  return { encryption: toEncryptionModel(status) };
}

function toRunModel({ id, targetKey, total, rewrapped, unreadable, requestedAt, finishedAt }: NonNullable<EncryptionStatus['run']>): RewrapRunModel {
  return Object.assign(new RewrapRunModel(), {
    id, state: finishedAt ? 'done' as const : 'running' as const, targetKey, total: Number(total), rewrapped: Number(rewrapped), unreadable: Number(unreadable), requestedAt, finishedAt: finishedAt ?? undefined,
  });
}
