import { rolloutOf, type FunctionResource, type RevisionSpec, type RolloutSpec, type RolloutStep } from '../../../contract/function-resource.js';
import { LABEL, revisionServiceName, serviceName } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { buildTemplate } from '../../function/manifests/deployment.js';
import { childMetadata, functionLabels } from '../../function/manifests/function-labels.js';
import { BLUE_GREEN_STAY_MS } from '../rollout.policy.js';

/** ReplicaSets of former revisions that Argo Rollouts keeps for going back. */
export const ARGO_HISTORY = 3;

type ArgoStep = { setWeight: number } | { pause: { duration?: string } };

interface ArgoCanary {
  canary: { maxSurge: number; maxUnavailable: number; steps: ArgoStep[] };
}

interface ArgoBlueGreen {
  blueGreen: { activeService: string; previewService: string; scaleDownDelaySeconds: number; autoPromotionEnabled?: false; autoPromotionSeconds?: number };
}

export interface ArgoRollout extends KubernetesObject {
  spec: {
    replicas?: number;
    revisionHistoryLimit: number;
    paused?: boolean;
    selector: { matchLabels: Record<string, string> };
    strategy: ArgoCanary | ArgoBlueGreen;
    template: ReturnType<typeof buildTemplate>;
  };
}

/**
 * The function as a `Rollout` of Argo Rollouts (argoproj.io/v1alpha1): one object over all revisions, whose template is the target's. The
 * steps are the Function's own and never follow what its owner says meanwhile: other steps make Argo begin anew. Analysis stays the
 * operator's. Without `replicas` an autoscaler says.
 */
export function buildArgoRollout(fn: FunctionResource, target: RevisionSpec, replicas: number | undefined): ArgoRollout {
  const rollout = rolloutOf(fn.spec);
  return withInputHash<ArgoRollout>({
    metadata: childMetadata(fn, serviceName(fn.metadata.name), functionLabels(fn)),
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      revisionHistoryLimit: ARGO_HISTORY,
      ...(rollout.paused ? { paused: true } : {}),
      // It cannot be changed and must match the pods of every revision.
      selector: { matchLabels: { [LABEL.functionId]: fn.spec.functionId } },
      strategy: rollout.strategy === 'blue-green' ? blueGreen(fn, target, rollout) : canary(rollout),
      template: buildTemplate(fn, target),
    },
  });
}

/** All at once is a canary without steps. */
function canary({ strategy, steps = [] }: RolloutSpec): ArgoCanary {
  return { canary: { maxSurge: 1, maxUnavailable: 0, steps: strategy === 'canary' ? steps.map(stepOf) : [] } };
}

function stepOf({ setWeight, pause }: RolloutStep): ArgoStep {
  if (setWeight !== undefined) return { setWeight };
  return { pause: pause?.seconds === undefined ? {} : { duration: `${pause.seconds}s` } };
}

/** A time of promotion counts only while `autoPromotionEnabled` is not false. */
function blueGreen({ metadata }: FunctionResource, { number }: RevisionSpec, { autoPromoteSeconds }: RolloutSpec): ArgoBlueGreen {
  const promotion = autoPromoteSeconds === undefined ? { autoPromotionEnabled: false as const } : { autoPromotionSeconds: autoPromoteSeconds };
  return {
    blueGreen: {
      activeService: serviceName(metadata.name), previewService: revisionServiceName(metadata.name, number), scaleDownDelaySeconds: BLUE_GREEN_STAY_MS / 1_000, ...promotion,
    },
  };
}
