/** What a sealed kubeconfig is bound to: moved to another cluster or number it does not open. */
export function credentialBinding(clusterId: string, number: number): string {
  return `cluster:${clusterId}/${number}`;
}
