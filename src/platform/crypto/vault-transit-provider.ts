import { keyServiceUnavailable, type DataKey, type KeyProvider, type WrappedKey } from './key-provider.js';
import type { KeyServiceLimits } from './key-service-calls.js';
import { VaultSession, type VaultAnswer, type VaultSettings } from './vault-session.js';

export interface VaultTransitSettings extends VaultSettings {
  /** Where the Transit engine is mounted. */
  mount: string;
  /** Name of an AEAD key (the default type, aes256-gcm96, is one). */
  key: string;
}

interface BatchItem {
  ciphertext?: string;
  plaintext?: string;
  error?: string;
}

const PREFIX = 'vault-transit:';
const BATCH = 250;

/**
 * Transit of HashiCorp Vault or OpenBao. The binding is the associated data of each item. Ids are `vault-transit:<mount>/<key>#<version>`. Vault's own `rewrap`
 * knows no associated data, so a data key is unwrapped and wrapped anew.
 */
export class VaultTransitProvider implements KeyProvider {
  readonly kind = 'vault-transit';
  readonly remote = true;
  private readonly session: VaultSession;

  constructor(private readonly settings: VaultTransitSettings, limits: Partial<KeyServiceLimits> = {}) {
    this.session = new VaultSession(settings, limits);
  }

  opens(keyId: string): boolean {
    return keyId.startsWith(PREFIX);
  }

  async currentKey(signal?: AbortSignal): Promise<string> {
    const { mount, key } = this.settings;
    const answer = await this.session.send('GET', `${mount}/keys/${encodeURIComponent(key)}`, undefined, signal);
    const version = answer.body.data?.latest_version;
    if (answer.status !== 200 || typeof version !== 'number') throw refused(answer);
    return `${PREFIX}${mount}/${key}#${version}`;
  }

  async wrap(keyId: string, keys: readonly DataKey[], signal?: AbortSignal): Promise<Buffer[]> {
    const { path, version } = partsOf(keyId, 'encrypt');
    const items = await this.batches(path, keys, ({ dataKey, boundTo }) => ({ plaintext: dataKey.toString('base64'), associated_data: associated(boundTo), key_version: version }), signal);
    return items.map(({ ciphertext, error }) => {
      if (ciphertext === undefined) throw keyServiceUnavailable(new Error(`Vault did not wrap: ${error}`));
      return Buffer.from(ciphertext);
    });
  }

  async unwrap(keyId: string, keys: readonly WrappedKey[], signal?: AbortSignal): Promise<(Buffer | undefined)[]> {
    const { path } = partsOf(keyId, 'decrypt');
    const items = await this.batches(path, keys, ({ wrappedKey, boundTo }) => ({ ciphertext: wrappedKey.toString(), associated_data: associated(boundTo) }), signal);
    return items.map(({ plaintext }) => (plaintext === undefined ? undefined : Buffer.from(plaintext, 'base64')));
  }

  close(): void {
    this.session.close();
  }

  private async batches<Key>(path: string, keys: readonly Key[], toItem: (key: Key) => object, signal?: AbortSignal): Promise<BatchItem[]> {
    const results: BatchItem[] = [];
    for (let at = 0; at < keys.length; at += BATCH) {
      const batch = keys.slice(at, at + BATCH);
      // Items that fail are told one by one; without the code a batch with one of them is answered 400 as a whole.
      const answer = await this.session.send('POST', path, { batch_input: batch.map(toItem), partial_failure_response_code: 200 }, signal);
      const items = answer.body.data?.batch_results as BatchItem[] | undefined;
      if ((answer.status !== 200 && answer.status !== 400) || items?.length !== batch.length) throw refused(answer);
      results.push(...items);
    }
    return results;
  }
}

function partsOf(keyId: string, verb: 'encrypt' | 'decrypt'): { path: string; version: number } {
  const [place = '', version = ''] = keyId.slice(PREFIX.length).split('#');
  const at = place.lastIndexOf('/');
  return { path: `${place.slice(0, at)}/${verb}/${encodeURIComponent(place.slice(at + 1))}`, version: Number(version) };
}

function associated(boundTo: string): string {
  return Buffer.from(boundTo).toString('base64');
}

function refused({ status, body }: VaultAnswer): Error {
  return keyServiceUnavailable(new Error(`Vault answered ${status}: ${(body.errors ?? []).join('; ').slice(0, 200)}`));
}
