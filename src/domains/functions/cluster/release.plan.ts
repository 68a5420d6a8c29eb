import type { RolloutSpec } from '../../../contract/function-resource.js';
import { rolloutSpec } from '../rollout.policy.js';
import type { FunctionWithTarget } from '../store/function.entity.js';
import type { RevisionEntity } from '../store/revision.entity.js';
import { demandImages } from './function-trouble.policy.js';

export type BuiltRevision = RevisionEntity & { image: string };

/** What of a function's revisions a cluster is told. */
export interface ReleasePlan {
  /** The revision that shall take the traffic; undefined where none was ever built. */
  target: number | undefined;
  rollout: RolloutSpec;
  revisions: readonly BuiltRevision[];
}

/**
 * The target, and beside it what must be able to run. While the target has no image, what serves stays the target: what the
 * owner said of the rollout belongs to the one that is asked for alone.
 * @param beside by number, the one to fall back to first
 * @param kept those of them that are still there
 * @throws {DomainError} TRAFFIC_REVISION_WITHOUT_IMAGE
 */
export function planRelease(fn: FunctionWithTarget, beside: readonly number[], kept: readonly RevisionEntity[]): ReleasePlan {
  const wanted = [fn.target, ...beside.flatMap((number) => kept.find((revision) => revision.number === number) ?? [])];
  const revisions = wanted.filter((revision): revision is BuiltRevision => revision.buildState === 'built' && revision.image !== null);
  demandImages(fn, beside, revisions);
  const target = revisions[0]?.number;
  const said = target === fn.targetRevision ? fn.rolloutState : { attempt: fn.rolloutState.attempt, immediate: true };
  return { target, rollout: rolloutSpec(fn.rollout, said), revisions };
}
