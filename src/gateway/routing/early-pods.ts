import { endpointId, isSamePod, type Endpoint } from './endpoint-slice.policy.js';

interface EarlyPod {
  endpoint: Endpoint;
  until: number;
  /** Whether endpoints named it: from then on they also say when it is gone. */
  seen: boolean;
}

/** Pods that answer before any endpoint says that they are ready: a wake brought them, or a probe found them. */
export class EarlyPods {
  private pods: EarlyPod[] = [];

  get size(): number {
    return this.pods.length;
  }

  /** @param seen whether endpoints name it already */
  add(endpoint: Endpoint, until: number, seen: boolean): void {
    this.pods = this.pods.filter((pod) => !isSamePod(pod.endpoint, endpoint));
    this.pods.push({ endpoint, until, seen });
  }

  has(endpoint: Endpoint): boolean {
    return this.pods.some((pod) => isSamePod(pod.endpoint, endpoint));
  }

  /** @returns whether it was one of them. */
  delete(id: string): boolean {
    const before = this.pods.length;
    this.pods = this.pods.filter(({ endpoint }) => endpointId(endpoint) !== id);
    return this.pods.length < before;
  }

  clear(): void {
    this.pods = [];
  }

  /**
   * The ready endpoints and the early pods, each once. Forgets pods that endpoints call ready, named before and name no
   * more, or have not called ready in time.
   * @param renamed told when endpoints first name a pod that was known by another id.
   */
  merge(endpoints: readonly Endpoint[], nowMs: number, renamed: (from: string, to: string) => void): Endpoint[] {
    const usable = endpoints.filter(({ ready }) => ready);
    if (this.pods.length === 0) return usable;
    this.pods = this.pods.filter((pod) => {
      const named = endpoints.find((endpoint) => isSamePod(endpoint, pod.endpoint));
      if (named) {
        if (!pod.seen || endpointId(named) !== endpointId(pod.endpoint)) renamed(endpointId(pod.endpoint), endpointId(named));
        pod.seen = true;
        pod.endpoint = { ...named, revision: named.revision ?? pod.endpoint.revision };
      }
      const kept = !named?.ready && pod.until > nowMs && (named !== undefined || !pod.seen);
      if (kept) usable.push(pod.endpoint);
      return kept;
    });
    return usable;
  }
}
