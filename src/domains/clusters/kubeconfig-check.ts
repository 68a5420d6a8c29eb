import { Injectable } from '@nestjs/common';
import { loadClusterAccess } from '../../platform/kubernetes/kubeconfig.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { KubernetesError } from '../../platform/kubernetes/kubernetes-errors.js';
import { clusterProbeFailed, kubeconfigInvalid } from './clusters.errors.js';
import { kubernetesVersionOf } from './kubernetes-version.policy.js';

const PROBE_MS = 5_000;

/** Finds out whether a kubeconfig is one the platform may use, and leads to a Kubernetes API. */
@Injectable()
export class KubeconfigCheck {
  /**
   * @returns the version of Kubernetes that answered.
   * @throws {DomainError} KUBECONFIG_INVALID for what reads files, starts programs or skips verification; CLUSTER_PROBE_FAILED.
   */
  async probe(name: string, kubeconfig: string): Promise<string> {
    try {
      await loadClusterAccess({ kind: 'inline', kubeconfig });
    } catch (error) {
      throw error instanceof KubernetesError ? kubeconfigInvalid(error.message) : error;
    }
    const client = new KubernetesClient({ cluster: name, source: { kind: 'inline', kubeconfig }, requestTimeoutMs: PROBE_MS });
    try {
      return kubernetesVersionOf(await client.raw('GET', '/version', { timeoutMs: PROBE_MS }));
    } catch (error) {
      throw error instanceof KubernetesError ? clusterProbeFailed(error.message.slice(0, 500)) : error;
    } finally {
      await client.close();
    }
  }
}
