import type { Condition, ConditionReason, ConditionType } from '../../contract/function-resource.js';
import { findCondition, setCondition } from '../../platform/kubernetes/conditions.js';

type Conditions = readonly Condition[];

/** Conditions fit into API answers and into the operations they end. */
const LONGEST_MESSAGE = 4_000;

function set(conditions: Conditions, type: ConditionType, status: Condition['status'], reason: ConditionReason, message: string, now: Date): Condition[] {
  return setCondition<Condition>(conditions, { type, status, reason, message: message.slice(0, LONGEST_MESSAGE) }, now.toISOString());
}

function isTrue(conditions: Conditions, type: ConditionType): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/** Of a function that was just made. */
export function firstConditions(now: Date): Condition[] {
  const accepted = acceptedConditions([], true, now);
  return set(accepted, 'Serving', 'False', 'NoRevision', 'No revision has served a request yet.', now);
}

/** After a change was accepted. With a new revision it is not `Ready` until that serves; `Serving` tells of the one before. */
export function acceptedConditions(before: Conditions, newRevision: boolean, now: Date): Condition[] {
  const ready = newRevision ? set(before, 'Ready', 'False', 'Accepted', 'The new revision is accepted and will be deployed.', now) : before;
  return set(ready, 'Reconciling', 'True', 'Accepted', 'The change is accepted and will be put in place.', now);
}

/** Work goes on: what was ready stays so. */
export function progressConditions(before: Conditions, reason: ConditionReason, message: string, now: Date): Condition[] {
  const ready = isTrue(before, 'Ready') ? [...before] : set(before, 'Ready', 'False', reason, message, now);
  return set(ready, 'Reconciling', 'True', reason, message, now);
}

/** It ended badly and waits for its owner. */
export function failedConditions(before: Conditions, reason: ConditionReason, message: string, now: Date): Condition[] {
  return set(set(before, 'Ready', 'False', reason, message, now), 'Reconciling', 'False', 'Settled', 'Nothing is under way; a new deployment is needed.', now);
}

export function deletingConditions(before: Conditions, message: string, now: Date): Condition[] {
  return set(set(before, 'Ready', 'False', 'Deleting', message, now), 'Reconciling', 'True', 'Deleting', message, now);
}
