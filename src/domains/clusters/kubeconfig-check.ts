import { Injectable } from '@nestjs/common';
import type { RolloutEngine } from '../../contract/function-resource.js';
import { loadClusterAccess } from '../../platform/kubernetes/kubeconfig.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { servesType } from '../../platform/kubernetes/served-types.js';
import { KubernetesError } from '../../platform/kubernetes/kubernetes-errors.js';
import { clusterProbeFailed, kubeconfigInvalid, rolloutEngineMissing } from './clusters.errors.js';
import { kubernetesVersionOf } from './kubernetes-version.policy.js';

const PROBE_MS = 5_000;

/** Finds out whether a kubeconfig is one the platform may use, and leads to a Kubernetes API. */
@Injectable()
export class KubeconfigCheck {
  /**
   * @returns the version of Kubernetes that answered.
   * @throws {DomainError} KUBECONFIG_INVALID for what reads files, starts programs or skips verification; CLUSTER_PROBE_FAILED; ROLLOUT_ENGINE_MISSING.
   */
  async probe(name: string, kubeconfig: string, rolloutEngine: RolloutEngine): Promise<string> {
    try {
      await loadClusterAccess({ kind: 'inline', kubeconfig });
    } catch (error) {
      throw error instanceof KubernetesError ? kubeconfigInvalid(error.message) : error;
    }
    const client = new KubernetesClient({ cluster: name, source: { kind: 'inline', kubeconfig }, requestTimeoutMs: PROBE_MS });
    try {
      const version = kubernetesVersionOf(await client.raw('GET', '/version', { timeoutMs: PROBE_MS }));
      if (rolloutEngine === 'argo' && !(await servesType(client, RESOURCE.rollout, { timeoutMs: PROBE_MS }))) throw rolloutEngineMissing();
      return version;
    } catch (error) {
      throw error instanceof KubernetesError ? clusterProbeFailed(error.message.slice(0, 500)) : error;
    } finally {
      await client.close();
    }
  }
}
