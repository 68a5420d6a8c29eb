import { DomainError } from '../../platform/errors/domain-error.js';

export type ClusterErrorCode = 'CLUSTER_NOT_FOUND' | 'CLUSTER_NOT_CONNECTED' | 'CLUSTER_NOT_ANSWERING' | 'CLUSTER_BUSY' | 'CLUSTER_NAME_TAKEN' | 'CLUSTER_IN_USE'
  | 'CLUSTER_OF_PROCESS' | 'CLUSTER_INVALID' | 'KUBECONFIG_INVALID' | 'CLUSTER_PROBE_FAILED' | 'ROLLOUT_ENGINE_MISSING' | 'PLACEMENT_NOT_FOUND';

export function clusterNotFound(): DomainError<ClusterErrorCode> {
  return new DomainError('not-found', 'CLUSTER_NOT_FOUND', 'There is no such cluster.');
}

export function placementNotFound(): DomainError<ClusterErrorCode> {
  return new DomainError('not-found', 'PLACEMENT_NOT_FOUND', 'The tenant has no such placement.');
}

/** For work that met a cluster whose credentials this process does not hold. */
export function clusterNotConnected(): DomainError<ClusterErrorCode> {
  return new DomainError('unavailable', 'CLUSTER_NOT_CONNECTED', 'The cluster is not connected to the part of the platform that does this work; it goes on as soon as it is.', { retryAfterSeconds: 5 });
}

/** For work on a cluster that let others wait in vain: it is not asked until it answers a heartbeat, or for a while. */
export function clusterNotAnswering(): DomainError<ClusterErrorCode> {
  return new DomainError('unavailable', 'CLUSTER_NOT_ANSWERING', 'The cluster does not answer at the moment; the work goes on as soon as it does.', { retryAfterSeconds: 5 });
}

/** For work on a cluster that has as much of it as one cluster may. */
export function clusterBusy(): DomainError<ClusterErrorCode> {
  return new DomainError('unavailable', 'CLUSTER_BUSY', 'The cluster has much to do at the moment; the work goes on in a moment.', { retryAfterSeconds: 1 });
}

export function clusterNameTaken(name: string): DomainError<ClusterErrorCode> {
  return new DomainError('conflict', 'CLUSTER_NAME_TAKEN', `There is a cluster ${name} already; choose another name.`);
}

export function clusterInUse(name: string, placements: number): DomainError<ClusterErrorCode> {
  return new DomainError('conflict', 'CLUSTER_IN_USE', `${placements} ${placements === 1 ? 'tenant is' : 'tenants are'} placed on cluster ${name}; drain it, and delete it when nobody is left.`, { details: { placements } });
}

/** For what only the configuration of a process can change. */
export function clusterOfProcess(field: 'kubeconfig' | 'region' | undefined): DomainError<ClusterErrorCode> {
  const message = field ? 'comes from the configuration of the processes that work on this cluster; change it there' : 'This cluster is of the platform\'s own configuration and answers: end the processes that work on it first.';
  return new DomainError(field ? 'invalid' : 'conflict', 'CLUSTER_OF_PROCESS', field ? `The ${field} ${message}.` : message, field ? { fields: [{ pointer: `/${field}`, message }] } : {});
}

export function clusterInvalid(pointer: string, message: string): DomainError<ClusterErrorCode> {
  return new DomainError('invalid', 'CLUSTER_INVALID', 'The cluster is not described as it must be.', { fields: [{ pointer, message }] });
}

/** @param words of the parser, which repeat no credentials. */
export function kubeconfigInvalid(words: string): DomainError<ClusterErrorCode> {
  return new DomainError('invalid', 'KUBECONFIG_INVALID', `The kubeconfig cannot be used: ${words}.`, { fields: [{ pointer: '/kubeconfig', message: words }] });
}

/** A cluster that does not answer is not taken: a typing error would look like an outage later. */
export function clusterProbeFailed(words: string): DomainError<ClusterErrorCode> {
  return new DomainError('invalid', 'CLUSTER_PROBE_FAILED', `No Kubernetes API answered with this kubeconfig: ${words}. Check address, certificate and credentials.`, { fields: [{ pointer: '/kubeconfig', message: words }] });
}

/** For a cluster that shall release by what is not there. */
export function rolloutEngineMissing(): DomainError<ClusterErrorCode> {
  const message = 'Argo Rollouts is not installed on the cluster: it has no rollouts.argoproj.io';
  return new DomainError('invalid', 'ROLLOUT_ENGINE_MISSING', `${message}. Install it first, or choose operator.`, { fields: [{ pointer: '/rolloutEngine', message }] });
}
