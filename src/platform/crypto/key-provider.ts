import { DomainError } from '../errors/domain-error.js';

/** Where key-encryption keys live. */
export const KEY_PROVIDERS = ['local', 'aws-kms', 'vault-transit'] as const;
export type KeyProviderKind = (typeof KEY_PROVIDERS)[number];

/** A data key to be wrapped, and what it is bound to: wrapped for something else it does not open. */
export interface DataKey {
  dataKey: Buffer;
  boundTo: string;
}

/** A data key as it is kept. */
export interface WrappedKey {
  wrappedKey: Buffer;
  boundTo: string;
}

/**
 * Wraps data keys with key-encryption keys that never leave it. Each key has an id that is written beside what it wrapped; a service with key
 * versions puts the version into the id. All of one call go with one key.
 *
 * Errors: KEY_SERVICE_UNAVAILABLE where the service does not answer, or does not let us; a wrapped key that does not open is no error of the call.
 */
export interface KeyProvider {
  readonly kind: KeyProviderKind;
  /** Whether calls leave the process: then they are bounded in time and number. */
  readonly remote: boolean;
  /** Whether `keyId` is one of this provider's that it is configured to open with. */
  opens(keyId: string): boolean;
  /** Id of the key that new data keys are to be wrapped with, as of now. */
  currentKey(signal?: AbortSignal): Promise<string>;
  /** In the order of `keys`. */
  wrap(keyId: string, keys: readonly DataKey[], signal?: AbortSignal): Promise<Buffer[]>;
  /** In the order of `keys`; undefined for each that does not open: another key wrapped it, for something else, or it was changed. */
  unwrap(keyId: string, keys: readonly WrappedKey[], signal?: AbortSignal): Promise<(Buffer | undefined)[]>;
  close(): void;
}

const RETRY_AFTER_SECONDS = 5;

/** @param cause for the log */
export function keyServiceUnavailable(cause?: unknown): DomainError {
  return new DomainError('unavailable', 'KEY_SERVICE_UNAVAILABLE', 'The key service that guards secrets cannot be used at the moment; nothing was changed. Send the request again later.',
    { cause, retryAfterSeconds: RETRY_AFTER_SECONDS });
}

export function secretUnreadable(message: string, cause?: unknown): DomainError {
  return new DomainError('unavailable', 'SECRET_UNREADABLE', message, { cause, retryAfterSeconds: 60 });
}
