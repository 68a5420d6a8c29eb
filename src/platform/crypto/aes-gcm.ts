import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM: nonce, ciphertext and tag in one buffer. */
export function encrypt(key: Uint8Array, value: Uint8Array, aad: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** @throws when the key or `aad` is another, or the value was changed. */
export function decrypt(key: Uint8Array, value: Buffer, aad: string): Buffer {
  if (value.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short to be a sealed value');
  const decipher = createDecipheriv('aes-256-gcm', key, value.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES }).setAAD(Buffer.from(aad));
  decipher.setAuthTag(value.subarray(value.length - TAG_BYTES));
  return Buffer.concat([decipher.update(value.subarray(NONCE_BYTES, value.length - TAG_BYTES)), decipher.final()]);
}
