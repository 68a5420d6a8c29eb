import type { FunctionResource, FunctionSpec, RevisionSpec, RolloutSpec, SecretFiles, Suspension, TrafficRule } from '../../../contract/function-resource.js';
import { ANNOTATION, API_GROUP, API_VERSION, LABEL, MANAGED_BY } from '../../../contract/names.js';
import { contentHash } from '../../../platform/kubernetes/drift.js';
import type { EffectiveRevision, EffectiveScaling } from '../function-body.js';
import type { FunctionContribution } from '../function-contributors.js';

/** A revision that is built, with the objects that hold its environment. */
export interface PlacedRevision {
  number: number;
  effective: EffectiveRevision;
  image: string;
  configMap: string | undefined;
  secret: string | undefined;
  secretFiles: readonly SecretFiles[];
  missingValues: readonly string[];
}

export interface FunctionInput {
  namespace: string;
  tenant: { id: string; name: string };
  fn: { id: string; name: string; generation: number; scaling: EffectiveScaling; authentication: FunctionSpec['authentication']; traffic?: readonly TrafficRule[] };
  /** Absent: all at once. */
  rollout?: RolloutSpec;
  /** The revision that shall take the traffic. */
  target: number;
  revisions: readonly PlacedRevision[];
  suspension: Suspension;
  /** Kubernetes Secret with what the tenant's secret for brokers holds. */
  kafkaSecret?: string | undefined;
  /** What other domains have to say of it. */
  contribution?: FunctionContribution;
}

export function functionObjectLabels(tenantId: string, fn: { id: string; name: string }): Record<string, string> {
  return { [LABEL.managedBy]: MANAGED_BY, [LABEL.tenant]: tenantId, [LABEL.function]: fn.name, [LABEL.functionId]: fn.id };
}

/** The one object a cluster is told of a function; its operator does the rest. */
export function buildFunction({ namespace, tenant, fn, target, revisions, suspension, rollout, kafkaSecret, contribution = {} }: FunctionInput): FunctionResource {
  const labels = functionObjectLabels(tenant.id, fn);
  const spec: FunctionSpec = {
    tenant: tenant.name,
    tenantId: tenant.id,
    functionId: fn.id,
    platformGeneration: fn.generation,
    target,
    revisions: revisions.map(revisionSpec).sort((a, b) => a.number - b.number),
    scaling: placedScaling(fn.scaling, kafkaSecret),
    ...(fn.traffic === undefined ? {} : { traffic: fn.traffic.map((rule) => ({ ...rule })) }),
    ...(rollout === undefined ? {} : { rollout }),
    ...contribution,
    authentication: fn.authentication,
    suspension,
  };
  return {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: 'Function',
    metadata: { name: fn.name, namespace, labels, annotations: { [ANNOTATION.inputHash]: hashOf(labels, spec) } },
    spec,
  };
}

function placedScaling({ kafka, ...scaling }: EffectiveScaling, secret: string | undefined): FunctionSpec['scaling'] {
  if (kafka === undefined) return scaling;
  const { secret: _, ...source } = kafka;
  return { ...scaling, kafka: { ...source, ...(secret === undefined ? {} : { secret }) } };
}

function revisionSpec({ number, effective, image, configMap, secret, secretFiles, missingValues }: PlacedRevision): RevisionSpec {
  return {
    number,
    runtime: effective.runtime,
    image,
    handler: effective.handler,
    metering: effective.metering,
    resources: { ...effective.resources },
    timeoutSeconds: effective.timeoutSeconds,
    concurrency: effective.concurrency,
    ...(configMap === undefined ? {} : { configMap }),
    ...(secret === undefined ? {} : { secret }),
    ...(effective.secretDelivery === undefined ? {} : { secretDelivery: { ...effective.secretDelivery } }),
    ...(secretFiles.length === 0 ? {} : { secretFiles: [...secretFiles] }),
    ...(missingValues.length === 0 ? {} : { missingValues: [...missingValues] }),
  };
}

/** What stands, with nothing else changed. */
export function withSuspension({ apiVersion, kind, metadata, spec }: FunctionResource, suspension: Suspension): FunctionResource {
  const labels = ownLabels(metadata.labels);
  const suspended = { ...spec, suspension };
  return { apiVersion, kind, metadata: { name: metadata.name, namespace: metadata.namespace, labels, annotations: { [ANNOTATION.inputHash]: hashOf(labels, suspended) } }, spec: suspended };
}

/** Whether an object on a cluster still is what the platform applied: its labels and every field of its spec. */
export function isAsApplied(observed: FunctionResource): boolean {
  const { labels, annotations = {} } = observed.metadata;
  return annotations[ANNOTATION.inputHash] === hashOf(ownLabels(labels), observed.spec);
}

function ownLabels(labels: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries([LABEL.managedBy, LABEL.tenant, LABEL.function, LABEL.functionId].map((name) => [name, labels[name] ?? '']));
}

/** Whether applying `desired` would change nothing. */
export function isInPlace(desired: FunctionResource, observed: FunctionResource | undefined): boolean {
  return observed !== undefined && observed.metadata.deletionTimestamp === undefined && isAsApplied(observed)
    && observed.metadata.annotations?.[ANNOTATION.inputHash] === desired.metadata.annotations?.[ANNOTATION.inputHash];
}

/** The server may keep the list of revisions in another order than it was sent in: its key is the number. */
function hashOf(labels: Record<string, string>, spec: FunctionSpec): string {
  return contentHash({ labels, spec: { ...spec, revisions: [...spec.revisions].sort((a, b) => a.number - b.number) } });
}
