import { ANNOTATION, LABEL } from '../../contract/names.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import { objectKey, type HorizontalPodAutoscaler } from '../../platform/kubernetes/kubernetes-object.js';
import type { Reflector } from '../../platform/kubernetes/reflector.js';
import type { FunctionResource } from '../../contract/function-resource.js';
import { activeOf, currentOf, differs } from './scaling-report.policy.js';

/** Has Functions reconciled whose autoscalers were changed by others, or that a gateway asks to wake. Returns the way to take it off. */
export function watchScaling(functions: Reflector<FunctionResource>, autoscalers: Reflector<HorizontalPodAutoscaler>, enqueue: (key: string) => void): () => void {
  const addOwner = ({ metadata: { namespace, labels } }: HorizontalPodAutoscaler): void => {
    const name = labels?.[LABEL.function];
    const key = name === undefined ? undefined : objectKey({ namespace, name });
    if (key !== undefined && functions.get(key)) enqueue(key);
  };
  const hasNews = (now: HorizontalPodAutoscaler, before: HorizontalPodAutoscaler): boolean => {
    const fn = functions.get({ namespace: now.metadata.namespace, name: now.metadata.labels?.[LABEL.function] ?? '' });
    return activeOf(now)?.status !== activeOf(before)?.status || differs(fn?.status?.scale?.current, currentOf(now));
  };
  const detach = [
    autoscalers.addHandlers({
      onAdd: addOwner,
      onUpdate: (now, before) => {
        // Its controller writes a status at each look.
        if (canonicalJson(essenceOf(now)) === canonicalJson(essenceOf(before)) && !hasNews(now, before)) return;
        addOwner(now);
        if (now.metadata.labels?.[LABEL.function] !== before.metadata.labels?.[LABEL.function]) addOwner(before);
      },
      onDelete: addOwner,
    }),
    functions.addHandlers({
      onUpdate: (now, before) => {
        if (now.metadata.annotations?.[ANNOTATION.wake] !== before.metadata.annotations?.[ANNOTATION.wake]) enqueue(objectKey(now));
      },
    }),
  ];
  return () => {
    for (const off of detach) off();
  };
}

function essenceOf({ metadata: { labels, annotations, ownerReferences, deletionTimestamp }, spec }: HorizontalPodAutoscaler): object {
  return { labels, annotations, ownerReferences, deletionTimestamp, spec };
}
