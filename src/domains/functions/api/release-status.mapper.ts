import { rolloutNow } from '../rollout.policy.js';
import type { FunctionEntity } from '../store/function.entity.js';
import type { FunctionStatusModel } from './function.model.js';

/** What the clusters told of shares, pods, rollout and scale. @param urlOf address of a tag */
export function toReleaseStatus(row: FunctionEntity, urlOf: (tag: string) => string): Pick<FunctionStatusModel, 'traffic' | 'revisions' | 'rollout' | 'scale'> {
  const { traffic, revisions = [], scale } = row.release;
  const { stepStartedAt, ...rollout } = rolloutNow(row);
  const shares = traffic ?? (row.servingRevision === null ? [] : [{ revision: row.servingRevision, percent: 100 }]);
  return {
    traffic: shares.map((share) => (share.tag === undefined ? share : { ...share, url: urlOf(share.tag) })),
    revisions,
    rollout: { ...rollout, ...(stepStartedAt === undefined ? {} : { stepStartedAt: new Date(stepStartedAt) }) },
    scale: scale && { ...scale, since: new Date(scale.since) },
  };
}
