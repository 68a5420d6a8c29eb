import type { Config } from '../config/config.js';
import { AwsKmsProvider } from './aws-kms-provider.js';
import { secretUnreadable, type KeyProvider } from './key-provider.js';
import { LocalKeyProvider } from './local-key-provider.js';
import { VaultTransitProvider } from './vault-transit-provider.js';

/** The key providers of a process: one wraps new data keys, all of them open. A process without any seals and opens nothing. */
export class KeyProviders {
  constructor(
    private readonly first: KeyProvider | undefined,
    private readonly all: readonly KeyProvider[],
  ) {}

  /** Every provider that has its settings; the chosen one seals. */
  static fromConfig(config: Config): KeyProviders {
    const all: KeyProvider[] = [];
    if (config.FNPLANE_ENCRYPTION_KEYS !== undefined) all.push(new LocalKeyProvider(config.FNPLANE_ENCRYPTION_KEYS));
    if (config.FNPLANE_KMS_KEY !== undefined) all.push(new AwsKmsProvider({ key: config.FNPLANE_KMS_KEY, region: config.FNPLANE_KMS_REGION, endpoint: config.FNPLANE_KMS_ENDPOINT }));
    const { FNPLANE_VAULT_ADDRESS: address, FNPLANE_VAULT_TOKEN_FILE: tokenFile, FNPLANE_VAULT_KEY: key, FNPLANE_VAULT_NAMESPACE: namespace } = config;
    if (address !== undefined && tokenFile !== undefined && key !== undefined) all.push(new VaultTransitProvider({ address, tokenFile, key, namespace, mount: config.FNPLANE_VAULT_MOUNT }));
    return new KeyProviders(all.find(({ kind }) => kind === config.FNPLANE_KEY_PROVIDER), all);
  }

  /** Undefined in a process that has no keys. */
  get sealing(): KeyProvider | undefined {
    return this.first;
  }

  /** @throws {DomainError} SECRET_UNREADABLE in a process that has no keys. */
  demandSealing(): KeyProvider {
    if (!this.first) throw secretUnreadable('This process has no keys to seal with; tell the operators of this platform.');
    return this.first;
  }

  /** The one that can open what `keyId` wrapped, or undefined where this process was given no such key. */
  opening(keyId: string): KeyProvider | undefined {
    return this.all.find((provider) => provider.opens(keyId));
  }

  close(): void {
    for (const provider of this.all) provider.close();
  }
}
