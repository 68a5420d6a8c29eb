import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL, revisionName } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { HorizontalPodAutoscaler, KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../platform/kubernetes/object-store.js';
import { Reflector, type ReflectorOptions } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';

const BY_FUNCTION = 'function';

/** Functions' autoscalers as they stand. */
export class AutoscalerCaches {
  readonly autoscalers: Reflector<HorizontalPodAutoscaler>;

  constructor(client: KubernetesClient, options: Pick<ReflectorOptions<KubernetesObject>, 'namespace' | 'backoff'> = {}) {
    this.autoscalers = new Reflector<HorizontalPodAutoscaler>(client, RESOURCE.horizontalPodAutoscaler, {
      ...options, labelSelector: LABEL.functionId, indexers: { [BY_FUNCTION]: byLabel(LABEL.functionId) }, transform: withoutStatus,
    });
  }

  /** Those of the function, and others' that stand under the names of its revisions. */
  observe(fn: FunctionResource): HorizontalPodAutoscaler[] {
    const { namespace, name } = fn.metadata;
    const own = this.autoscalers.byIndex(BY_FUNCTION, fn.spec.functionId).filter((found) => found.metadata.namespace === namespace);
    const strangers = fn.spec.revisions
      .map((revision) => this.autoscalers.get({ namespace, name: revisionName(name, revision.number) }))
      .filter((found) => found !== undefined && found.metadata.labels?.[LABEL.functionId] !== fn.spec.functionId) as HorizontalPodAutoscaler[];
    return [...own, ...strangers];
  }
}

/** Its controller writes the status at each look; nobody here reads it. */
function withoutStatus({ status: _, ...autoscaler }: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  return autoscaler as HorizontalPodAutoscaler;
}
