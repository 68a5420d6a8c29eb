import type { RevisionSpec } from '../../contract/function-resource.js';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, Secret } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';

const KEPT = 2_000;
const KEPT_MS = 600_000;
const READ_MS = 3_000;

export interface RevisionEnvironment {
  variables: Record<string, string>;
  /** `<secret>/<KEY>` to base64. */
  secretFiles: Record<string, string>;
}

interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
}

const NOTHING: Readonly<Record<string, string>> = {};

/**
 * What the kubelet would give a function's own pod: the ConfigMap and Secrets its revision names. Their names change with their content,
 * so what was read once stays true.
 */
export class RevisionEnvironments {
  private readonly read = new BoundedCache<string, Record<string, string>>(KEPT, KEPT_MS);

  constructor(private readonly client: KubernetesClient) {}

  /** @throws {KubernetesError} NOT_FOUND where one is missing. */
  async of(namespace: string, { configMap, secret, secretFiles = [] }: RevisionSpec): Promise<RevisionEnvironment> {
    const [plain, hidden, ...files] = await Promise.all([
      configMap ? this.configMap(namespace, configMap) : NOTHING,
      secret ? this.secret(namespace, secret) : NOTHING,
      ...secretFiles.map(async (one) => Object.entries(await this.secret(namespace, one.secret)).map(([key, value]) => [`${one.name}/${key}`, value] as const)),
    ]);
    const opened = Object.entries(hidden).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()] as const);
    // As `envFrom` does it: the later source wins.
    return { variables: { ...plain, ...Object.fromEntries(opened) }, secretFiles: Object.fromEntries(files.flat()) };
  }

  private configMap(namespace: string, name: string): Promise<Record<string, string>> {
    return this.once(`configmap ${namespace}/${name}`, async () => (await this.client.get<ConfigMap>(RESOURCE.configMap, { namespace, name }, { timeoutMs: READ_MS })).data ?? {});
  }

  /** Values in base64. */
  private secret(namespace: string, name: string): Promise<Record<string, string>> {
    return this.once(`secret ${namespace}/${name}`, async () => (await this.client.get<Secret>(RESOURCE.secret, { namespace, name }, { timeoutMs: READ_MS })).data ?? {});
  }

  private async once(key: string, read: () => Promise<Record<string, string>>): Promise<Record<string, string>> {
    const present = this.read.get(key);
    if (present) return present;
    const data = await read();
    this.read.set(key, data);
    return data;
  }
}
