import { randomBytes } from 'node:crypto';
import type { WarmPoolResource } from '../../contract/pool-resource.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict, isNotFound } from '../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject, Secret } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { POOL_TOKENS, poolLabels, poolOwner } from './manifests/pool-pod.js';

const CALL_MS = 5_000;
const TOKEN_BYTES = 32;

/**
 * Tokens of a tenant's waiting pods: one Secret a namespace, a key a pod, so that a pool takes one object of the tenant's quota. The pod reads its own
 * as a variable; whoever specializes it reads it here.
 */
export class PoolTokens {
  private readonly known = new Map<string, Record<string, string>>();

  constructor(private readonly client: KubernetesClient) {}

  /** Makes a token for each of `added`, and takes those of `removed` pods away. Before the pods are made: they cannot start without. */
  async change(pool: WarmPoolResource, added: readonly string[], removed: readonly string[]): Promise<void> {
    const { namespace } = pool.metadata;
    const fresh = Object.fromEntries(added.map((name) => [name, Buffer.from(randomBytes(TOKEN_BYTES).toString('base64url')).toString('base64')]));
    const gone = Object.fromEntries(removed.map((name) => [name, null]));
    const secret = await this.write(pool, { ...fresh, ...gone });
    this.known.set(namespace, secret.data ?? {});
  }

  /** The token of a pod; undefined where it has none any more. */
  async of(namespace: string, pod: string): Promise<string | undefined> {
    const known = this.known.get(namespace)?.[pod];
    if (known !== undefined) return open(known);
    await this.refresh(namespace);
    const read = this.known.get(namespace)?.[pod];
    return read === undefined ? undefined : open(read);
  }

  /** Reads the namespace's tokens ahead, so that no claim has to wait for them. */
  async refresh(namespace: string): Promise<void> {
    const secret = await this.client.find<Secret>(RESOURCE.secret, { namespace, name: POOL_TOKENS }, { timeoutMs: CALL_MS });
    this.known.set(namespace, secret?.data ?? {});
  }

  has(namespace: string, pod: string): boolean {
    return this.known.get(namespace)?.[pod] !== undefined;
  }

  /** Names of pods that a token is kept for, as far as this process knows. */
  names(namespace: string): string[] {
    return Object.keys(this.known.get(namespace) ?? {});
  }

  forget(namespace: string): void {
    this.known.delete(namespace);
  }

  private async write(pool: WarmPoolResource, data: Record<string, string | null>): Promise<Secret> {
    const { namespace } = pool.metadata;
    const patch = (): Promise<Secret> => this.client.patch<Secret>(RESOURCE.secret, { namespace, name: POOL_TOKENS }, { data }, { timeoutMs: CALL_MS });
    try {
      return await patch();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const kept = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));
    const object = { metadata: { name: POOL_TOKENS, namespace, labels: poolLabels(pool), ownerReferences: [poolOwner(pool)] }, type: 'Opaque', data: kept } satisfies KubernetesObject & Record<string, unknown>;
    try {
      return await this.client.create<Secret>(RESOURCE.secret, object, { timeoutMs: CALL_MS });
    } catch (error) {
      if (isConflict(error)) return patch();
      throw error;
    }
  }
}

function open(base64: string): string {
  return Buffer.from(base64, 'base64').toString();
}
