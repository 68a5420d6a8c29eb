import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import type { Reflector } from '../../../platform/kubernetes/reflector.js';
import { spanKey, type CapacitySpan } from '../capacity.js';
import { podSpans } from './pod-lifetimes.policy.js';

/** Lives of pods that are gone and could not be booked yet; beyond it the oldest go. */
const MAX_PENDING = 50_000;

/** What the pods of one cluster were kept ready for, by a watch that others read too. */
export class PodLifetimes {
  private readonly gone = new Map<string, CapacitySpan>();

  constructor(
    private readonly cluster: string,
    private readonly pods: Reflector<Pod>,
  ) {
    pods.addHandlers({ onDelete: (pod) => this.keep(pod) });
  }

  /** Of all pods there are, and of those that went until {@link forget}. */
  spans(): CapacitySpan[] {
    const seenUntil = this.seenUntil();
    return [...this.gone.values(), ...this.pods.list().flatMap((pod) => podSpans(pod, this.cluster, seenUntil))];
  }

  forget(isBooked: (span: CapacitySpan) => boolean): void {
    for (const [key, span] of this.gone) if (isBooked(span)) this.gone.delete(key);
  }

  /** A pod that vanished without a word when it was to go counts until the last window in which it was seen: what is not known is not billed. */
  private keep(pod: Pod): void {
    for (const span of podSpans(pod, this.cluster, this.seenUntil())) {
      if (span.to === undefined) continue;
      if (this.gone.size >= MAX_PENDING) this.gone.delete(this.gone.keys().next().value!);
      this.gone.set(spanKey(span), span);
    }
  }

  private seenUntil(): number {
    return Math.floor(Date.now() - this.pods.staleMs);
  }
}
