import type { FunctionStatus, RolloutStatus } from '../../contract/function-resource.js';
import { isUnderway } from './rollout.policy.js';

export interface RolloutEvent {
  type: 'Normal' | 'Warning';
  reason: 'RolloutStep' | 'RolloutPaused' | 'RolloutAborted' | 'RolloutCompleted';
  message: string;
}

/** What happened to a rollout between two statuses. One that moves all at once has no events of its own: `Ready` tells it. Pure. */
export function rolloutEvents(before: FunctionStatus | undefined, after: FunctionStatus): RolloutEvent[] {
  const is = after.rollout;
  if (!is) return [];
  const known = before?.rollout;
  const was = known?.revision === is.revision && known.attempt === is.attempt ? known : undefined;
  if (is.phase === 'completed') return was && isUnderway(was) && isGradual(was) ? [completion(is)] : [];
  if (is.phase === 'aborted') return was?.phase === 'aborted' ? [] : [{ type: 'Warning', reason: 'RolloutAborted', message: `The rollout of revision ${is.revision} was ended. ${is.message ?? ''}`.trim() }];
  if (!isUnderway(is)) return [];
  return progress(was, is);
}

function progress(was: RolloutStatus | undefined, is: RolloutStatus): RolloutEvent[] {
  const events: RolloutEvent[] = [];
  if (is.weight !== (was?.weight ?? 0)) events.push({ type: 'Normal', reason: 'RolloutStep', message: `Revision ${is.revision} has ${is.weight} % of the requests.` });
  if (is.phase === 'paused' && (was?.phase !== 'paused' || was.step !== is.step || was.message !== is.message)) events.push({ type: 'Normal', reason: 'RolloutPaused', message: is.message ?? `Revision ${is.revision} is held.` });
  return events;
}

/** Whether it went by steps or stood beside, as far as it had come. */
function isGradual({ weight, step, stepStartedAt }: RolloutStatus): boolean {
  return weight > 0 || step > 0 || stepStartedAt !== undefined;
}

function completion({ revision }: RolloutStatus): RolloutEvent {
  return { type: 'Normal', reason: 'RolloutCompleted', message: `Revision ${revision} has all requests of its rollout.` };
}
