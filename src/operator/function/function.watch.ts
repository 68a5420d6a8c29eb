import { ANNOTATION, LABEL } from '../../contract/names.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import { objectKey, type KubernetesObject, type Pod } from '../../platform/kubernetes/kubernetes-object.js';
import type { Reflector, ReflectorHandlers } from '../../platform/kubernetes/reflector.js';
import type { WorkQueue } from '../../platform/kubernetes/work-queue.js';
import type { FunctionCaches } from './function.caches.js';
import { isReady } from './observed-function.js';
import { functionContainer } from './pod.diagnosis.js';

/** Turns changes of Functions and their children into keys of the queue. Children name their function by label. */
export class FunctionWatch {
  private readonly detach: (() => void)[] = [];

  constructor(private readonly caches: FunctionCaches, private readonly queue: WorkQueue) {}

  attach(): void {
    this.detach.push(this.caches.functions.addHandlers({
      onAdd: (fn) => this.queue.add(objectKey(fn)),
      onUpdate: (fn, before) => {
        const changed = fn.metadata.generation !== before.metadata.generation || fn.metadata.deletionTimestamp !== before.metadata.deletionTimestamp;
        const woken = fn.metadata.annotations?.[ANNOTATION.wake] !== before.metadata.annotations?.[ANNOTATION.wake];
        // The operator's own patches stand in the cache already. Others' are put right: those of a leader that was held up, and found out late that it leads no more.
        const foreign = canonicalJson(fn.status) !== canonicalJson(before.status);
        if (changed || woken || foreign || fn.status === undefined) this.queue.add(objectKey(fn));
      },
      onDelete: (fn) => this.queue.forget(objectKey(fn)),
    }));
    this.attachChildren(this.caches.deployments);
    this.attachChildren(this.caches.services);
    this.attachChildren(this.caches.networkPolicies);
    this.attachChildren(this.caches.argo.rollouts);
    this.detach.push(this.caches.pods.addHandlers({
      onAdd: (pod) => this.addOwner(pod),
      onUpdate: (pod, before) => { if (podChanged(pod, before)) this.addOwner(pod); },
      onDelete: (pod) => this.addOwner(pod),
    }));
  }

  /** Every Function there is: after an election nobody knows what the leader before had still to do. */
  addAll(): void {
    for (const fn of this.caches.functions.list()) this.queue.add(objectKey(fn));
  }

  close(): void {
    for (const detach of this.detach.splice(0)) detach();
  }

  private attachChildren<T extends KubernetesObject>(reflector: Reflector<T>): void {
    const handlers: ReflectorHandlers<T> = {
      onAdd: (child) => this.addOwner(child),
      onUpdate: (child, before) => {
        this.addOwner(child);
        // Somebody took the label away: the one it belonged to must repair it.
        if (before.metadata.labels?.[LABEL.function] !== child.metadata.labels?.[LABEL.function]) this.addOwner(before);
      },
      onDelete: (child) => this.addOwner(child),
    };
    this.detach.push(reflector.addHandlers(handlers));
  }

  private addOwner(child: KubernetesObject): void {
    const name = child.metadata.labels?.[LABEL.function];
    if (!name) return;
    const key = objectKey({ namespace: child.metadata.namespace, name });
    if (this.caches.functions.get(key)) this.queue.add(key);
  }
}

function podChanged(pod: Pod, before: Pod): boolean {
  return isReady(pod) !== isReady(before)
    || pod.metadata.deletionTimestamp !== before.metadata.deletionTimestamp
    || pod.status?.phase !== before.status?.phase
    || JSON.stringify(functionContainer(pod)) !== JSON.stringify(functionContainer(before))
    || JSON.stringify(pod.status?.conditions) !== JSON.stringify(before.status?.conditions);
}
