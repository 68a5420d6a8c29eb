import type { KMSClient } from '@aws-sdk/client-kms';
import { keyServiceUnavailable, type DataKey, type KeyProvider, type WrappedKey } from './key-provider.js';
import { inTurns, KeyServiceCalls, type KeyServiceLimits } from './key-service-calls.js';
import { KeyServiceFault } from './key-service-fault.js';

export interface AwsKmsSettings {
  /** ARN, id or alias of a symmetric key. */
  key: string;
  region?: string;
  /** Another address than AWS's own, for a VPC endpoint or a test. */
  endpoint?: string;
}

type Sdk = typeof import('@aws-sdk/client-kms');
type Result<Output> = { output: Output } | { refused: true };

const PREFIX = 'aws-kms:';
const AT_ONCE = 8;
/** The wrapped key is not what this key wrapped for this context. */
const NOT_OPENED = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);
/** Answers of the service that mean it: nothing gets better by asking again at once. */
const MEANT = new Set(['AccessDeniedException', 'NotFoundException', 'DisabledException', 'KMSInvalidStateException', 'InvalidKeyUsageException', 'InvalidGrantTokenException', 'ValidationException', 'InvalidArnException', 'UnrecognizedClientException']);

/**
 * AWS KMS. The binding is the encryption context, so it also stands in the key's trail there. Ids are `aws-kms:<ARN>#<material>`: the material is what
 * KMS's own rotation changes, where the service tells it. The client is loaded when it is first needed.
 */
export class AwsKmsProvider implements KeyProvider {
  readonly kind = 'aws-kms';
  readonly remote = true;
  private readonly calls: KeyServiceCalls;
  private loaded: Promise<{ sdk: Sdk; client: KMSClient }> | undefined;

  constructor(private readonly settings: AwsKmsSettings, limits: Partial<KeyServiceLimits> = {}) {
    this.calls = new KeyServiceCalls(limits);
  }

  opens(keyId: string): boolean {
    return keyId.startsWith(PREFIX);
  }

  async currentKey(signal?: AbortSignal): Promise<string> {
    const result = await this.send((sdk, client, abortSignal) => client.send(new sdk.DescribeKeyCommand({ KeyId: this.settings.key }), { abortSignal }), signal);
    const metadata = 'output' in result ? result.output.KeyMetadata : undefined;
    if (!metadata?.Arn) throw keyServiceUnavailable();
    return `${PREFIX}${metadata.Arn}${metadata.CurrentKeyMaterialId ? `#${metadata.CurrentKeyMaterialId}` : ''}`;
  }

  wrap(keyId: string, keys: readonly DataKey[], signal?: AbortSignal): Promise<Buffer[]> {
    return inTurns(keys, AT_ONCE, async ({ dataKey, boundTo }) => {
      const input = { KeyId: arnOf(keyId), Plaintext: dataKey, EncryptionContext: contextOf(boundTo) };
      const result = await this.send((sdk, client, abortSignal) => client.send(new sdk.EncryptCommand(input), { abortSignal }), signal);
      if (!('output' in result) || !result.output.CiphertextBlob) throw keyServiceUnavailable();
      return Buffer.from(result.output.CiphertextBlob);
    });
  }

  unwrap(keyId: string, keys: readonly WrappedKey[], signal?: AbortSignal): Promise<(Buffer | undefined)[]> {
    return inTurns(keys, AT_ONCE, async ({ wrappedKey, boundTo }) => {
      const input = { KeyId: arnOf(keyId), CiphertextBlob: wrappedKey, EncryptionContext: contextOf(boundTo) };
      const result = await this.send((sdk, client, abortSignal) => client.send(new sdk.DecryptCommand(input), { abortSignal }), signal);
      return 'output' in result && result.output.Plaintext ? Buffer.from(result.output.Plaintext) : undefined;
    });
  }

  close(): void {
    void this.loaded?.then(({ client }) => client.destroy(), () => undefined);
  }

  private send<Output>(work: (sdk: Sdk, client: KMSClient, signal: AbortSignal) => Promise<Output>, signal?: AbortSignal): Promise<Result<Output>> {
    return this.calls.run(async (limit) => {
      const { sdk, client } = await this.load();
      try {
        return { output: await work(sdk, client, limit) };
      } catch (error) {
        const name = (error as Error).name;
        if (NOT_OPENED.has(name)) return { refused: true };
        if (MEANT.has(name)) throw keyServiceUnavailable(error);
        throw new KeyServiceFault(`AWS KMS: ${name}`, { cause: error });
      }
    }, signal);
  }

  private load(): Promise<{ sdk: Sdk; client: KMSClient }> {
    this.loaded ??= import('@aws-sdk/client-kms').then((sdk) => {
      const { key, endpoint, region = /^arn:[^:]+:kms:([^:]+):/.exec(key)?.[1] } = this.settings;
      // Attempts are counted, and spared, by us.
      return { sdk, client: new sdk.KMSClient({ maxAttempts: 1, ...(region ? { region } : {}), ...(endpoint ? { endpoint } : {}) }) };
    });
    return this.loaded;
  }
}

function arnOf(keyId: string): string {
  return keyId.slice(PREFIX.length).split('#', 1)[0]!;
}

function contextOf(boundTo: string): Record<string, string> {
  return { fnplane: boundTo };
}
