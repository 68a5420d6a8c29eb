import { setTimeout as delay } from 'node:timers/promises';
import { FUNCTION_CONTAINER } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { parseQuantity } from '../../platform/kubernetes/quantity.js';
import { RESOURCE, resourcePath } from '../../platform/kubernetes/resource-type.js';
import type { WarmRevision } from './claim.policy.js';
import { buildResizePatch } from './manifests/claim-patches.js';

const CALL_MS = 5_000;
/** The kubelet takes up a new size at its next turn for the pod, at worst. */
const APPLIED_WITHIN_MS = 90_000;
const LOOK_MS = 500;

/** Gives a pod its function's size, in place. */
export class PodResizer {
  constructor(private readonly client: KubernetesClient) {}

  /** Asks for the size; the API server refuses at once what the tenant's quota or limits do not allow. */
  async request(pod: Pod, revision: WarmRevision, signal: AbortSignal): Promise<void> {
    const { namespace, name } = pod.metadata;
    await this.client.raw('PATCH', resourcePath(RESOURCE.pod, { namespace, name, subresource: 'resize' }), {
      body: JSON.stringify(buildResizePatch(revision)), contentType: 'application/strategic-merge-patch+json', accept: 'application/json', timeoutMs: CALL_MS, signal,
    });
  }

  /** Waits until the container has the size. Rejects when the node says it cannot, or does not within a time. */
  async applied(pod: Pod, revision: WarmRevision, signal: AbortSignal): Promise<void> {
    const { namespace, name } = pod.metadata;
    const giveUpAt = performance.now() + APPLIED_WITHIN_MS;
    for (let pause = LOOK_MS / 5; ; pause = Math.min(LOOK_MS, pause * 2)) {
      const now = await this.client.find<Pod>(RESOURCE.pod, { namespace, name }, { timeoutMs: CALL_MS, signal });
      if (!now || now.metadata.deletionTimestamp || hasSize(now, revision)) return;
      const refused = now.status?.conditions?.find(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible');
      if (refused) throw new Error(`the node cannot give the pod its size: ${refused.message ?? refused.reason ?? ''}`);
      if (performance.now() > giveUpAt) throw new Error(`the pod had not its size after ${APPLIED_WITHIN_MS / 1_000} s`);
      await delay(pause, undefined, { signal });
    }
  }
}

/** What the node says the container has, not what was asked for. */
export function hasSize(pod: Pod, { resources }: WarmRevision): boolean {
  const limits = pod.status?.containerStatuses?.find(({ name }) => name === FUNCTION_CONTAINER)?.resources?.limits;
  return parseQuantity(limits?.cpu ?? '') * 1_000 === resources.cpuMillis && parseQuantity(limits?.memory ?? '') === resources.memoryMb * 1024 ** 2;
}
