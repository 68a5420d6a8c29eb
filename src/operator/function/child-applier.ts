import type { FunctionResource } from '../../contract/function-resource.js';
import { FIELD_MANAGER } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { isConflict, KubernetesError } from '../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import type { ResourceType } from '../../platform/kubernetes/resource-type.js';
import type { PlannedApply } from './workloads.plan.js';

/** Holds the number of pods between the operator, which gives it up, and an autoscaler, which has not written it yet. */
const HAND_OVER_MANAGER = `${FIELD_MANAGER.operator}-hand-over`;

/** Writes a Function's children. What is there already is taken over only if the Function owns it, by UID. */
export class ChildApplier {
  constructor(private readonly client: KubernetesClient) {}

  /** Throws `KUBERNETES_REFUSED` when an object that is not the Function's stands in the way. */
  async apply(fn: FunctionResource, { type, manifest, observed, handOver }: PlannedApply): Promise<KubernetesObject> {
    if (handOver !== undefined) await this.holdReplicas(type, manifest, handOver);
    const options = { fieldManager: FIELD_MANAGER.operator };
    if (observed) return this.client.apply(type, manifest, options);
    try {
      // Nothing of that name is known. Should something stand there all the same, its fields are another's, and the server says so.
      return await this.client.apply(type, manifest, { ...options, force: false });
    } catch (error) {
      if (!isConflict(error)) throw error;
      await this.proveOwnership(fn, type, manifest, error);
      return this.client.apply(type, manifest, options);
    }
  }

  private async proveOwnership(fn: FunctionResource, type: ResourceType, manifest: KubernetesObject, cause: unknown): Promise<void> {
    const { name, namespace } = manifest.metadata;
    const present = await this.client.find(type, { name, ...(namespace ? { namespace } : {}) });
    if (!present || present.metadata.ownerReferences?.some(({ uid }) => uid === fn.metadata.uid)) return;
    const message = `a ${type.kind} named ${name} that is not the platform's stands in the way: remove or rename it`;
    throw new KubernetesError('conflict', 'KUBERNETES_REFUSED', message, { cause, details: { status: 409 } });
  }

  private async holdReplicas(type: ResourceType, { metadata }: KubernetesObject, replicas: number): Promise<void> {
    const { name, namespace } = metadata;
    const held = { metadata: { name, ...(namespace ? { namespace } : {}) }, spec: { replicas } };
    await this.client.apply(type, held, { fieldManager: HAND_OVER_MANAGER });
  }
}
