import type { FunctionResource } from '../../contract/function-resource.js';
import { LABEL, revisionName, serviceName } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { HorizontalPodAutoscaler, KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import { byLabel } from '../../platform/kubernetes/object-store.js';
import { Reflector, type ReflectorOptions } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { SCALING_ACTIVE } from './scaling-report.policy.js';

const BY_FUNCTION = 'function';

/** Functions' autoscalers as they stand. */
export class AutoscalerCaches {
  readonly autoscalers: Reflector<HorizontalPodAutoscaler>;

  constructor(client: KubernetesClient, options: Pick<ReflectorOptions<KubernetesObject>, 'namespace' | 'backoff'> = {}) {
    this.autoscalers = new Reflector<HorizontalPodAutoscaler>(client, RESOURCE.horizontalPodAutoscaler, {
      ...options, labelSelector: LABEL.functionId, indexers: { [BY_FUNCTION]: byLabel(LABEL.functionId) }, transform: withLittleStatus,
    });
  }

  /** Those of the function, and others' that stand under its workloads' names. */
  observe(fn: FunctionResource): HorizontalPodAutoscaler[] {
    const { namespace, name } = fn.metadata;
    const own = this.autoscalers.byIndex(BY_FUNCTION, fn.spec.functionId).filter((found) => found.metadata.namespace === namespace);
    const strangers = [serviceName(name), ...fn.spec.revisions.map((revision) => revisionName(name, revision.number))]
      .map((named) => this.autoscalers.get({ namespace, name: named }))
      .filter((found) => found !== undefined && found.metadata.labels?.[LABEL.functionId] !== fn.spec.functionId) as HorizontalPodAutoscaler[];
    return [...own, ...strangers];
  }
}

/** Its controller writes the status at each look; kept is what a function's owner is told of. */
function withLittleStatus({ status, ...autoscaler }: HorizontalPodAutoscaler): HorizontalPodAutoscaler {
  const conditions = status?.conditions?.filter(({ type }) => type === SCALING_ACTIVE);
  return { ...autoscaler, ...(status ? { status: { desiredReplicas: 0, currentMetrics: status.currentMetrics, conditions } } : {}) } as HorizontalPodAutoscaler;
}
