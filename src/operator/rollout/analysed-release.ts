import { rolloutOf, type FunctionResource, type RolloutAnalysis, type RolloutStatus } from '../../contract/function-resource.js';
import { isUnderway } from './rollout.policy.js';

export interface AnalysedRelease {
  analysis: RolloutAnalysis;
  revision: number;
  stable: number;
  attempt: number;
}

/** The present rollout, if it is under way and its owner set bounds for it. */
export function analysedRelease(fn: FunctionResource, rollout: RolloutStatus | undefined = fn.status?.rollout): AnalysedRelease | undefined {
  const { analysis, attempt } = rolloutOf(fn.spec);
  if (!analysis || fn.spec.suspension === 'compute' || !isUnderway(rollout)) return undefined;
  if (rollout.revision !== fn.spec.target || rollout.attempt < attempt) return undefined;
  return { analysis, revision: rollout.revision, stable: rollout.stable, attempt: rollout.attempt };
}
