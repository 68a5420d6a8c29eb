import { randomBytes } from 'node:crypto';
import { DomainError } from '../errors/domain-error.js';
import { decrypt, encrypt } from './aes-gcm.js';
import { keyServiceUnavailable, secretUnreadable, type WrappedKey } from './key-provider.js';
import type { KeyProviders } from './key-providers.js';
import type { KeyRegister } from './key-register.js';
import { KEY_BYTES } from './key-ring.js';
import { Turnstile } from './turnstile.js';

/** A sealed value: its own data key, wrapped by the key-encryption key `keyId`. */
export interface Sealed {
  keyId: string;
  wrappedKey: Buffer;
  sealed: Buffer;
}

/** A sealed value and what it was sealed for. */
export interface BoundValue extends Sealed {
  boundTo: string;
}

const WAIT_MS = 2_000;

/**
 * Envelope encryption: each value has a data key of its own (AES-256-GCM), wrapped by a key-encryption key of a provider. What the value belongs to is bound to both
 * layers, so that a row moved elsewhere does not open.
 */
export class Envelope {
  private readonly turns: Turnstile;

  /** @param mostWriters transactions at once that may wait for a key service: fewer than one tenant may hold database connections, so that its reads go on */
  constructor(
    private readonly providers: KeyProviders,
    private readonly register: KeyRegister,
    mostWriters: number,
  ) {
    this.turns = new Turnstile(mostWriters, WAIT_MS, () => keyServiceUnavailable());
  }

  /**
   * Runs a transaction that seals. With a key service only some may at once, as each holds a connection, and locks, while the service answers; the others wait
   * before they begin. @throws {DomainError} KEY_SERVICE_UNAVAILABLE when that takes too long.
   */
  async inTurn<T>(transaction: () => Promise<T>): Promise<T> {
    if (!this.providers.sealing?.remote) return transaction();
    try {
      return await this.turns.take(transaction);
    } catch (error) {
      // Another process knew of a newer version of the key and has retired ours: it is there for the next try.
      if (error instanceof DomainError && error.code === 'ENCRYPTION_KEY_RETIRED') await this.register.refresh().catch(() => undefined);
      throw error;
    }
  }

  /** @throws {DomainError} KEY_SERVICE_UNAVAILABLE, ENCRYPTION_KEY_RETIRED; SECRET_UNREADABLE in a process that has no keys. */
  async seal(value: Uint8Array, boundTo: string, signal?: AbortSignal): Promise<Sealed> {
    const provider = this.providers.demandSealing();
    const keyId = await this.register.current();
    const dataKey = randomBytes(KEY_BYTES);
    try {
      const sealed = encrypt(dataKey, value, boundTo);
      const [wrappedKey] = await provider.wrap(keyId, [{ dataKey, boundTo }], signal);
      return { keyId, wrappedKey: wrappedKey!, sealed };
    } finally {
      dataKey.fill(0);
    }
  }

  /** @throws {DomainError} KEY_SERVICE_UNAVAILABLE; SECRET_UNREADABLE when the key is not configured or the value is not what was sealed for `boundTo`. */
  async open(value: Sealed, boundTo: string, signal?: AbortSignal): Promise<Buffer> {
    return (await this.openAll([{ ...value, boundTo }], signal))[0]!;
  }

  /** In the order of `values`; with as few calls to a key service as it allows. Throws as {@link open} when one of them does not open. */
  async openAll(values: readonly BoundValue[], signal?: AbortSignal): Promise<Buffer[]> {
    const dataKeys = new Map<BoundValue, Buffer>();
    try {
      for (const [keyId, group] of byKey(values)) {
        const provider = this.providers.opening(keyId);
        if (!provider) throw secretUnreadable('A stored secret was sealed with a key this platform does not have; tell its operators.');
        const opened = await provider.unwrap(keyId, group, signal);
        group.forEach((value, index) => {
          if (opened[index]) dataKeys.set(value, opened[index]);
        });
      }
      return values.map((value) => openWith(dataKeys.get(value), value));
    } finally {
      for (const dataKey of dataKeys.values()) dataKey.fill(0);
    }
  }

  /** Whether this process was given the key. */
  canOpen(keyId: string): boolean {
    return this.providers.opening(keyId) !== undefined;
  }

  /** Id of the key that seals now, looked up anew. @throws as {@link seal}. */
  currentKey(): Promise<string> {
    return this.register.refresh();
  }

  /**
   * Wraps data keys anew, values untouched.
   * @param from the key that wrapped all of `keys`; @param to one of the sealing provider's.
   * @returns in the order of `keys`; undefined for each that does not open.
   * @throws {DomainError} KEY_SERVICE_UNAVAILABLE; SECRET_UNREADABLE when the key `from` is not configured.
   */
  async rewrap(from: string, to: string, keys: readonly WrappedKey[], signal?: AbortSignal): Promise<(Buffer | undefined)[]> {
    const opening = this.providers.opening(from);
    if (!opening) throw secretUnreadable(`The encryption key ${from} is not configured; what it sealed cannot be given another key.`);
    const opened = await opening.unwrap(from, keys, signal);
    try {
      const places = opened.flatMap((dataKey, index) => (dataKey ? [index] : []));
      const wrapped = await this.providers.demandSealing().wrap(to, places.map((index) => ({ dataKey: opened[index]!, boundTo: keys[index]!.boundTo })), signal);
      const results: (Buffer | undefined)[] = opened.map(() => undefined);
      places.forEach((index, at) => { results[index] = wrapped[at]; });
      return results;
    } finally {
      for (const dataKey of opened) dataKey?.fill(0);
    }
  }
}

function byKey(values: readonly BoundValue[]): Map<string, BoundValue[]> {
  const groups = new Map<string, BoundValue[]>();
  for (const value of values) {
    const group = groups.get(value.keyId);
    if (group) group.push(value);
    else groups.set(value.keyId, [value]);
  }
  return groups;
}

function openWith(dataKey: Buffer | undefined, { sealed, boundTo }: BoundValue): Buffer {
  try {
    if (dataKey) return decrypt(dataKey, sealed, boundTo);
  } catch (cause) {
    throw secretUnreadable('A stored secret cannot be opened; tell the operators of this platform.', cause);
  }
  throw secretUnreadable('A stored secret cannot be opened; tell the operators of this platform.');
}
