import { randomUUID } from 'node:crypto';
import type { FunctionResource, FunctionSpec, RevisionSpec } from '../../../contract/function-resource.js';
import { FUNCTION_SERVICE_ACCOUNT, LABEL, tenantNamespace } from '../../../contract/names.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isNotFound } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';

const MANAGER = { fieldManager: 'fnplane-test' };

/** What the worker would place for one tenant, as far as the operator's pods need it; and Functions in it. */
export class TestTenant {
  readonly id = randomUUID();
  readonly namespace = tenantNamespace(this.id);

  constructor(private readonly client: KubernetesClient) {}

  async create(): Promise<void> {
    const labels = { [LABEL.tenant]: this.id, 'pod-security.kubernetes.io/enforce': 'restricted' };
    await this.client.apply(RESOURCE.namespace, { metadata: { name: this.namespace, labels } }, MANAGER);
    await this.apply(RESOURCE.serviceAccount, { metadata: { name: FUNCTION_SERVICE_ACCOUNT, namespace: this.namespace } });
  }

  /** Removes all of it and waits until it is gone. */
  async remove(): Promise<void> {
    await this.client.delete(RESOURCE.namespace, { name: this.namespace });
    await until(async () => (await this.client.find(RESOURCE.namespace, { name: this.namespace })) === null, 60_000, 'the namespace to be gone');
  }

  async apply(type: (typeof RESOURCE)[keyof typeof RESOURCE], object: KubernetesObject & Record<string, unknown>): Promise<void> {
    await this.client.apply(type, { ...object, metadata: { ...object.metadata, namespace: this.namespace } }, MANAGER);
  }

  async configMap(name: string, data: Record<string, string>): Promise<void> {
    await this.apply(RESOURCE.configMap, { metadata: { name }, data });
  }

  async deploy(name: string, spec: Partial<FunctionSpec> & Pick<FunctionSpec, 'revisions' | 'target' | 'functionId'>): Promise<FunctionResource> {
    const object = {
      metadata: { name, namespace: this.namespace },
      spec: {
        tenant: 'acme', tenantId: this.id, platformGeneration: 1, scaling: { min: 1, max: 2 }, authentication: 'required', suspension: 'none', ...spec,
      },
    };
    return this.client.apply<FunctionResource>(RESOURCE.function, object, MANAGER);
  }

  get(name: string): Promise<FunctionResource> {
    return this.client.get<FunctionResource>(RESOURCE.function, { namespace: this.namespace, name });
  }

  /** Waits until the Function is as `holds` says; the error names what it was last. */
  async waitFor(name: string, holds: (fn: FunctionResource) => boolean, deadlineMs: number): Promise<FunctionResource> {
    let last: FunctionResource | undefined;
    await until(async () => {
      last = await this.get(name);
      return holds(last);
    }, deadlineMs, () => `${name}: ${JSON.stringify(last?.status)}`);
    return last as FunctionResource;
  }
}

export function revision(number: number, image: string, more: Partial<RevisionSpec> = {}): RevisionSpec {
  return {
    number, image, runtime: 'image', handler: 'handler.handle', metering: 'gateway', timeoutSeconds: 10, concurrency: 0,
    resources: { cpuMillis: 100, memoryMb: 64, ephemeralStorageMb: 32 }, ...more,
  };
}

/** Asks again until it holds; rejects after the deadline. Polls the API server, as whoever waits for another process must. */
export async function until(holds: () => Promise<boolean>, deadlineMs: number, what: string | (() => string)): Promise<void> {
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const held = await holds().catch((error: unknown) => {
      if (isNotFound(error)) return false;
      throw error;
    });
    if (held) return;
    if (performance.now() > giveUpAt) throw new Error(`not in ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}
