import type { FunctionResource } from '../../contract/function-resource.js';
import { ANNOTATION, FIELD_MANAGER } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';

/** Says on the cluster that a function is wanted: the level-triggered way, which survives everybody's restart. */
export interface WakeMark {
  /** @param askedAt epoch ms: later than the function's last change of scale. */
  write(namespace: string, name: string, askedAt: number): Promise<void>;
}

const TIMEOUT_MS = 3000;

/** Writes {@link ANNOTATION.wake}. Its owner needs the right to patch `functions` in the tenants' namespaces. */
export class AnnotationWakeMark implements WakeMark {
  constructor(private readonly client: KubernetesClient) {}

  async write(namespace: string, name: string, askedAt: number): Promise<void> {
    const patch = { metadata: { annotations: { [ANNOTATION.wake]: new Date(askedAt).toISOString() } } };
    await this.client.patch<FunctionResource>(RESOURCE.function, { namespace, name }, patch, { fieldManager: FIELD_MANAGER.gateway, timeoutMs: TIMEOUT_MS });
  }
}
