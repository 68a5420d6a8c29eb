import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { DomainError } from '../errors/domain-error.js';
import { decrypt, encrypt } from './aes-gcm.js';

const KEY_BYTES = 32;
const TAG_CHARACTERS = 8;

/**
 * Seals answers that are kept for a replay, and fingerprints requests. Its keys are derived from the internal secret of the API, so that neither waits for a key
 * service, and both outlive the rotation of key-encryption keys.
 */
export class AnswerSealer {
  private readonly keys: { seal: Buffer; fingerprint: Buffer; tag: string } | undefined;

  /** @param secret without it nothing is sealed: only processes that answer requests have one. */
  constructor(secret: string | undefined) {
    const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', secret!, 'fnplane', `fnplane idempotency ${purpose} 1`, KEY_BYTES));
    this.keys = secret === undefined ? undefined : { seal: derive('answer'), fingerprint: derive('fingerprint'), tag: createHash('sha256').update(derive('tag')).digest('hex').slice(0, TAG_CHARACTERS) };
  }

  seal(value: Uint8Array, boundTo: string): Buffer {
    return encrypt(this.own().seal, value, boundTo);
  }

  /** @throws {DomainError} IDEMPOTENCY_UNREADABLE */
  open(value: Buffer, boundTo: string): Buffer {
    try {
      return decrypt(this.own().seal, value, boundTo);
    } catch (cause) {
      throw unreadable(cause);
    }
  }

  /** A keyed hash, hex: equal requests can be told, guessed ones cannot be tried by who reads the table. Begins with a tag of the secret. */
  fingerprint(value: string): string {
    const { fingerprint, tag } = this.own();
    return `${tag}:${createHmac('sha256', fingerprint).update(value).digest('hex')}`;
  }

  /** @throws {DomainError} IDEMPOTENCY_UNREADABLE for one that was made with another secret: whether the requests are the same cannot be told. */
  isSame(kept: string, asked: string): boolean {
    const tag = `${this.own().tag}:`;
    if (!kept.startsWith(tag)) throw unreadable();
    return kept === asked;
  }

  private own(): NonNullable<typeof this.keys> {
    if (!this.keys) throw new DomainError('unavailable', 'IDEMPOTENCY_UNAVAILABLE', 'This process keeps no answers: it has no FNPLANE_INTERNAL_SECRET; tell the operators of this platform.');
    return this.keys;
  }
}

function unreadable(cause?: unknown): DomainError {
  return new DomainError('conflict', 'IDEMPOTENCY_UNREADABLE',
    'The answer kept for this idempotency key was sealed with an earlier internal secret of the platform and cannot be given again; look whether the first request was carried out, and use a new key.', { cause });
}
