import { rolloutOf, type FunctionResource, type RevisionSpec, type RolloutSpec, type RolloutStep } from '../../../contract/function-resource.js';
import { LABEL, serviceName } from '../../../contract/names.js';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import type { Deployment, KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { buildTemplate, FIXED_REPLICAS } from '../../function/manifests/deployment.js';
import { childMetadata, functionLabels } from '../../function/manifests/function-labels.js';
import { BLUE_GREEN_STAY_MS, DRAIN_MS } from '../rollout.policy.js';

/** ReplicaSets of former revisions that Argo Rollouts keeps for going back. */
export const ARGO_HISTORY = 3;
/** On ReplicaSets and pods that Argo Rollouts makes: the hash of their template. */
export const ARGO_HASH_LABEL = 'rollouts-pod-template-hash';

type ArgoStep = { setWeight: number } | { setCanaryScale: { weight: number } } | { pause: { duration?: string } };

/** What the operator reads of a Rollout's status. */
export interface ArgoStatus {
  /** Generation of the spec it speaks of, as text. */
  observedGeneration?: string;
  phase?: string;
  message?: string;
  /** Template hashes: of the spec's template, and of what is good. Equal: nothing is under way. */
  currentPodHash?: string;
  stableRS?: string;
  currentStepIndex?: number;
  pauseConditions?: { reason: string; startTime: string }[] | null;
  /** Whether its controller paused it by itself. */
  controllerPause?: boolean;
  promoteFull?: boolean;
  abort?: boolean;
  abortedAt?: string;
  conditions?: NonNullable<Deployment['status']>['conditions'];
}

export interface ArgoRollout extends KubernetesObject {
  spec: {
    replicas?: number;
    revisionHistoryLimit: number;
    paused?: boolean;
    selector: { matchLabels: Record<string, string> };
    strategy: {
      canary: {
        maxSurge: number; maxUnavailable: number; trafficRouting: Record<string, never>; scaleDownDelaySeconds: number; abortScaleDownDelaySeconds: number; steps: ArgoStep[];
      };
    };
    template: ReturnType<typeof buildTemplate>;
  };
  status?: ArgoStatus;
}

/** How many pods, and whether it stays where it is. */
export interface ArgoHold {
  /** Absent: an autoscaler says. */
  replicas: number | undefined;
  paused: boolean;
}

/**
 * The function as a `Rollout` of Argo Rollouts (argoproj.io/v1alpha1): one object over all revisions, whose template is that of the one to
 * reach. The steps are the Function's own and never follow what its owner says meanwhile: other steps make Argo begin anew.
 */
export function buildArgoRollout(fn: FunctionResource, revision: RevisionSpec, { replicas, paused }: ArgoHold, template = buildTemplate(fn, revision)): ArgoRollout {
  const metadata = childMetadata(fn, serviceName(fn.metadata.name), functionLabels(fn));
  return withInputHash<ArgoRollout>({
    metadata: replicas === undefined ? metadata : { ...metadata, annotations: { [FIXED_REPLICAS]: 'true' } },
    spec: {
      ...(replicas === undefined ? {} : { replicas }),
      revisionHistoryLimit: ARGO_HISTORY,
      paused,
      // It cannot be changed and must match the pods of every revision.
      selector: { matchLabels: { [LABEL.functionId]: fn.spec.functionId } },
      strategy: {
        canary: {
          maxSurge: 1, maxUnavailable: 0,
          // Gateways share out the requests by the Function's status. That somebody does makes Argo keep all pods of the stable revision until the end, so that an abort needs no start.
          trafficRouting: {},
          scaleDownDelaySeconds: BLUE_GREEN_STAY_MS / 1_000, abortScaleDownDelaySeconds: DRAIN_MS / 1_000,
          steps: argoSteps(rolloutOf(fn.spec)),
        },
      },
      template,
    },
  });
}

/**
 * All at once has no steps. Blue-green is all pods without any requests, and a pause: the strategy of that name would move selectors of
 * Services, which here are the operator's.
 */
export function argoSteps({ strategy, steps = [], autoPromoteSeconds }: RolloutSpec): ArgoStep[] {
  if (strategy === 'canary') return steps.map(stepOf);
  return strategy === 'blue-green' ? [{ setCanaryScale: { weight: 100 } }, pause(autoPromoteSeconds)] : [];
}

function stepOf(step: RolloutStep): ArgoStep {
  return step.setWeight === undefined ? pause(step.pause?.seconds) : { setWeight: step.setWeight };
}

function pause(seconds: number | undefined): ArgoStep {
  return { pause: seconds === undefined ? {} : { duration: `${seconds}s` } };
}

/** The revision whose template it has. */
export function argoRevision(rollout: ArgoRollout): number {
  return Number(rollout.spec.template.metadata?.labels?.[LABEL.revision]);
}
