import { decrypt, encrypt } from './aes-gcm.js';
import type { DataKey, KeyProvider, WrappedKey } from './key-provider.js';
import { KEY_RING_FORM, parseKeyRing } from './key-ring.js';

/** Keys from configuration: the first seals, all of them open. Nothing here waits. */
export class LocalKeyProvider implements KeyProvider {
  readonly kind = 'local';
  readonly remote = false;
  private readonly keys: ReadonlyMap<string, Buffer>;

  /** @param configured `id:base64`, several divided by commas */
  constructor(configured: string) {
    const keys = parseKeyRing(configured);
    if (!keys) throw new Error(`FNPLANE_ENCRYPTION_KEYS ${KEY_RING_FORM}`);
    this.keys = keys;
  }

  opens(keyId: string): boolean {
    return this.keys.has(keyId);
  }

  currentKey(): Promise<string> {
    return Promise.resolve(this.keys.keys().next().value!);
  }

  wrap(keyId: string, keys: readonly DataKey[]): Promise<Buffer[]> {
    const key = this.keys.get(keyId)!;
    return Promise.resolve(keys.map(({ dataKey, boundTo }) => encrypt(key, dataKey, bindingOf(keyId, boundTo))));
  }

  unwrap(keyId: string, keys: readonly WrappedKey[]): Promise<(Buffer | undefined)[]> {
    const key = this.keys.get(keyId)!;
    return Promise.resolve(keys.map(({ wrappedKey, boundTo }) => {
      try {
        return decrypt(key, wrappedKey, bindingOf(keyId, boundTo));
      } catch {
        return undefined;
      }
    }));
  }

  close(): void {
    // Nothing is held open.
  }
}

/** Data keys are told from values by it, and keys from each other. */
function bindingOf(keyId: string, boundTo: string): string {
  return `key:${keyId}:${boundTo}`;
}
