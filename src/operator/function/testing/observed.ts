import type { FunctionResource, FunctionSpec } from '../../../contract/function-resource.js';
import { ANNOTATION, FUNCTION_CONTAINER, LABEL, revisionName } from '../../../contract/names.js';
import type { KubernetesObject, NetworkPolicy, Pod, Service } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { specOf, type FunctionPlan } from '../function.plan.js';
import type { ObservedFunction } from '../observed-function.js';
import { buildDeployment, templateHash } from '../manifests/deployment.js';
import { ARGO_HASH_LABEL, type ArgoRollout } from '../../rollout/manifests/argo-rollout.js';
import { revision } from './test-tenant.js';

/** Builders of what plan and diagnosis read, for table tests. */

export const NOW = Date.parse('2026-01-01T12:00:00Z');
export const IMAGE = `registry.test/team/shop@sha256:${'a'.repeat(64)}`;
const FUNCTION_ID = '11111111-1111-4111-8111-111111111111';
const TENANT_ID = '22222222-2222-4222-8222-222222222222';

export function functionOf(spec: Partial<FunctionSpec> = {}, status?: FunctionResource['status']): FunctionResource {
  return {
    apiVersion: 'fnplane.dev/v1',
    kind: 'Function',
    metadata: { name: 'shop', namespace: 'fnp-team', uid: 'fn-uid', generation: 3, resourceVersion: '1' },
    spec: {
      tenant: 'acme', tenantId: TENANT_ID, functionId: FUNCTION_ID, platformGeneration: 7, target: 1, revisions: [revision(1, IMAGE)],
      scaling: { min: 1, max: 3 }, authentication: 'required', suspension: 'none', ...spec,
    },
    ...(status ? { status } : {}),
  };
}

export const NOTHING: ObservedFunction = { deployments: [], strangers: [], service: undefined, revisionServices: [], networkPolicy: undefined, pods: [] };

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];

export interface PodOptions {
  ready?: boolean;
  deleting?: boolean;
  hash?: string;
  container?: Partial<ContainerStatus>;
  status?: Pod['status'];
  createdAt?: number;
  readySince?: number;
  /** Made by Argo Rollouts, from a template with this hash. */
  argo?: string;
  /** End of its name, for several of one revision. */
  suffix?: string;
}

/** A pod of a revision; of its present template unless `hash` says otherwise. */
export function podOf(fn: FunctionResource, number: number, options: PodOptions = {}): Pod {
  const { ready = false, deleting = false, createdAt = NOW - 1_000, readySince = createdAt } = options;
  const known = fn.spec.revisions.some((candidate) => candidate.number === number);
  const hash = options.hash ?? (known ? templateHash(buildDeployment(fn, specOf(fn, number), 1)) ?? '' : 'unknown');
  const readyCondition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: new Date(readySince).toISOString() };
  return {
    metadata: {
      name: `${revisionName('shop', number)}-${options.suffix ?? 'x'}`, namespace: 'fnp-team', uid: `pod-${number}${options.suffix ?? ''}`, creationTimestamp: new Date(createdAt).toISOString(),
      labels: { [LABEL.functionId]: FUNCTION_ID, [LABEL.revision]: String(number), ...(options.argo ? { [ARGO_HASH_LABEL]: options.argo } : {}) }, annotations: { [ANNOTATION.inputHash]: hash },
      ...(deleting ? { deletionTimestamp: new Date(NOW).toISOString() } : {}),
    },
    status: {
      phase: 'Running',
      conditions: [readyCondition, { type: 'PodScheduled', status: 'True' }],
      ...(options.container ? { containerStatuses: [{ name: FUNCTION_CONTAINER, ready, restartCount: 0, image: '', imageID: '', ...options.container }] } : {}),
      ...options.status,
    },
  } as Pod;
}

/** The world after a plan has been carried out, with what the server adds; `pods` as given. */
export function carriedOut(plan: FunctionPlan, before: ObservedFunction, pods: Pod[] = before.pods): ObservedFunction {
  const stored = <T extends KubernetesObject>(object: KubernetesObject): T => ({ ...object, metadata: { uid: `uid-${object.metadata.name}`, ...object.metadata } }) as T;
  const removed = new Set(plan.removals.map((removal) => removal.uid));
  const left = <T extends KubernetesObject>(items: T[]): T[] => items.filter((item) => !removed.has(item.metadata.uid ?? ''));
  const put = <T extends KubernetesObject>(items: T[], manifest: KubernetesObject): T[] => [...items.filter((item) => item.metadata.name !== manifest.metadata.name), stored<T>(manifest)];
  const after: ObservedFunction = {
    ...before, pods: left(pods), deployments: left(before.deployments), revisionServices: left(before.revisionServices),
    strangers: before.strangers.filter(({ object }) => !removed.has(object.metadata.uid ?? '')),
  };
  if (removed.has(before.rollout?.metadata.uid ?? '')) after.rollout = undefined;
  for (const { type, manifest } of plan.applies) {
    if (type === RESOURCE.horizontalPodAutoscaler) continue;
    if (type === RESOURCE.rollout) after.rollout = { ...stored<ArgoRollout>(manifest), ...(before.rollout?.status ? { status: before.rollout.status } : {}) };
    else if (type === RESOURCE.networkPolicy) after.networkPolicy = stored<NetworkPolicy>(manifest);
    else if (type === RESOURCE.deployment) after.deployments = put(after.deployments, manifest);
    else if (manifest.metadata.name === 'shop') after.service = stored<Service>(manifest);
    else after.revisionServices = put(after.revisionServices, manifest);
  }
  return after;
}
