import type { ConditionReason, TrafficRule } from '../../../contract/function-resource.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { isRefused, KubernetesError } from '../../../platform/kubernetes/kubernetes-errors.js';

/** What a failed attempt to put a function in place means for its owner. */
export interface Trouble {
  reason: ConditionReason;
  message: string;
  /** Nothing gets better by trying again: the operation has failed. */
  ends: boolean;
}

const MISSING = new Set(['CONFIG_NOT_FOUND', 'SECRET_NOT_FOUND', 'SECRET_WITHOUT_VALUE']);
/** Said of a cluster that is left alone until it answers a heartbeat. */
const NOT_ANSWERING = new Set(['CLUSTER_NOT_ANSWERING']);

/** The values of secrets cannot be opened at the moment: what stands is to stay, and all is tried again later. */
export function areValuesSealed(error: unknown): boolean {
  return error instanceof DomainError && (error.code === 'KEY_SERVICE_UNAVAILABLE' || error.code === 'SECRET_UNREADABLE');
}

/** A share is given to a revision that cannot run: what stands is to stay until its owner says otherwise. */
export function isWithoutImage(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'TRAFFIC_REVISION_WITHOUT_IMAGE';
}

/**
 * @param built what can be placed
 * @throws {DomainError} TRAFFIC_REVISION_WITHOUT_IMAGE where a rule of the traffic names another revision beside the target
 */
export function demandImages(fn: { targetRevision: number; traffic: readonly TrafficRule[] }, beside: readonly number[], built: readonly { number: number }[]): void {
  const missing = beside.find((number) => fn.traffic.some(({ revision }) => revision === number) && !built.some((revision) => revision.number === number));
  if (missing === undefined) return;
  throw new DomainError('conflict', 'TRAFFIC_REVISION_WITHOUT_IMAGE', `Revision ${missing} has a share of the traffic but no image to run. What serves goes on serving; change traffic, or deploy the revision anew.`);
}

/** Undefined for what is no error of the world but of the program. */
export function troubleOf(error: unknown, cluster: string): Trouble | undefined {
  if (!(error instanceof DomainError)) return undefined;
  if (MISSING.has(error.code)) return { reason: 'ConfigurationMissing', message: error.message, ends: true };
  if (error.code === 'CERTIFICATE_INVALID') return { reason: 'CertificateInvalid', message: error.message, ends: true };
  if (isWithoutImage(error)) return { reason: 'BuildFailed', message: error.message, ends: true };
  if (areValuesSealed(error)) return { reason: 'RetryingAfterError', message: `${error.message} What runs goes on running with the values it has.`, ends: false };
  if (NOT_ANSWERING.has(error.code)) return unreachable(cluster);
  if (!(error instanceof KubernetesError)) return { reason: 'RetryingAfterError', message: error.message, ends: false };
  if (error.code === 'KUBERNETES_NOT_FOUND' || /being terminated/.test(error.message)) {
    return { reason: 'Placing', message: `The tenant's place on cluster ${cluster} is not there at the moment; it is being put right.`, ends: false };
  }
  if (error.code === 'KUBERNETES_CONFLICT') return { reason: 'RetryingAfterError', message: `Another change on cluster ${cluster} was in the way; trying again.`, ends: false };
  if (isRefused(error)) {
    const reason = /exceeded quota/.test(error.message) ? 'QuotaRefused' : 'AdmissionRefused';
    return { reason, message: `Cluster ${cluster} refused the function: ${error.message}`, ends: true };
  }
  return unreachable(cluster);
}

function unreachable(cluster: string): Trouble {
  return { reason: 'ClusterUnreachable', message: `Cluster ${cluster} does not answer; what runs there goes on running, and the change is tried again.`, ends: false };
}
