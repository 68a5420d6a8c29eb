import { KubernetesError } from '../../platform/kubernetes/kubernetes-errors.js';

/** What `/version` of an API server says. @throws {KubernetesError} for the answer of something else. */
export function kubernetesVersionOf(text: string): string {
  try {
    const { gitVersion } = JSON.parse(text) as { gitVersion?: unknown };
    if (typeof gitVersion === 'string') return gitVersion.slice(0, 100);
  } catch {
    // Something that is not an API server answers at its address: told below.
  }
  throw new KubernetesError('upstream', 'KUBERNETES_UNAVAILABLE', 'what answers at the cluster\'s address is not a Kubernetes API server');
}
