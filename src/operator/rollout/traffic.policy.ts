import { PREVIEW_TAG, type RolloutStatus, type RolloutStrategy, type TrafficRule, type TrafficShare } from '../../contract/function-resource.js';

export interface TrafficInput {
  rules: readonly TrafficRule[];
  /** Absent where no rule follows the rollout. */
  rollout: RolloutStatus | undefined;
  strategy: RolloutStrategy;
  /** The traffic as it is. Empty while nothing ever served. */
  before: readonly TrafficShare[];
  ready: (revision: number) => number;
  /** Pods a revision needs ready before it takes the share its rule gives it. */
  needed: (revision: number) => number;
}

/** A rule that is not in force yet. */
export interface HeldRule {
  revision: number;
  /** What its rules give it, and what it has. */
  percent: number;
  granted: number;
  ready: number;
  needed: number;
}

export interface ResolvedTraffic {
  /** Sums to 100, the greatest first; empty while nothing ever served. */
  traffic: TrafficShare[];
  held: HeldRule[];
}

/**
 * The shares in force. Those of the rollout are as it says. A rule that names a revision holds once that has the pods for it; until
 * then, and when none of them is left, its requests stay where they were: with the last good revision. Pure.
 */
export function resolveTraffic(input: TrafficInput): ResolvedTraffic {
  const percents = new Map<number, number>();
  const add = (revision: number, percent: number): void => void percents.set(revision, (percents.get(revision) ?? 0) + percent);
  const held: HeldRule[] = [];
  let left = 100;
  const give = (revision: number, percent: number): void => {
    left -= percent;
    add(revision, percent);
  };
  for (const [revision, percent] of rolloutShares(input)) give(revision, percent);
  for (const [revision, percent] of demands(input.rules)) {
    const granted = grantedOf(input, revision, percent);
    if (granted > 0) give(revision, granted);
    const [ready, needed] = [input.ready(revision), input.needed(revision)];
    if (granted < percent || (percent === 0 && ready === 0)) held.push({ revision, percent, granted, ready, needed });
  }
  const fallback = lastGood(input, percents);
  if (fallback === undefined) return { traffic: [], held };
  add(fallback, left);
  return { traffic: entries(percents, tagsOf(input, fallback)), held };
}

/** Percent of all requests that follow the rollout; undefined where no rule does. */
export function rolloutShare(rules: readonly TrafficRule[]): number | undefined {
  const following = rules.filter((rule) => rule.revision === undefined);
  return following.length === 0 ? undefined : following.reduce((sum, { percent }) => sum + percent, 0);
}

/** What the rules give each revision they name. */
export function demands(rules: readonly TrafficRule[]): Map<number, number> {
  const found = new Map<number, number>();
  for (const { revision, percent } of rules) if (revision !== undefined) found.set(revision, (found.get(revision) ?? 0) + percent);
  return found;
}

/** Of whole percents: a target with a weight has one at least, and so has the stable one. */
function rolloutShares({ rules, rollout }: TrafficInput): [number, number][] {
  const share = rolloutShare(rules) ?? 0;
  if (!rollout || share === 0) return [];
  const { revision, stable, weight } = rollout;
  if (weight === 100) return [[revision, share]];
  if (stable === undefined) return [];
  const part = weight === 0 ? 0 : Math.min(Math.max(1, Math.round((share * weight) / 100)), Math.max(1, share - 1));
  return part === 0 ? [[stable, share]] : [[stable, share - part], [revision, part]];
}

function grantedOf({ before, ready, needed }: TrafficInput, revision: number, percent: number): number {
  const had = shareOf(before, revision);
  if (ready(revision) >= (before.length === 0 ? 1 : needed(revision))) return percent;
  // At zero, and when all went at once, nobody is better: the shares stay, and pods come back to them.
  const othersReady = before.some((share) => share.revision !== revision && ready(share.revision) > 0);
  return ready(revision) > 0 || !othersReady ? Math.min(percent, had) : 0;
}

/** The one that had most before, of those with pods; without pods anywhere the one that had most. */
function lastGood({ before, ready }: TrafficInput, granted: ReadonlyMap<number, number>): number | undefined {
  const had = [...before].filter(({ percent }) => percent > 0).sort((a, b) => b.percent - a.percent).map(({ revision }) => revision);
  const has = [...granted].filter(([, percent]) => percent > 0).sort((a, b) => b[1] - a[1]).map(([revision]) => revision);
  return had.find((revision) => ready(revision) > 0) ?? has.find((revision) => ready(revision) > 0) ?? had[0] ?? has[0];
}

/** Tags by revision. One of the rollout's own rules follows what the rollout holds for good. */
function tagsOf({ rules, rollout, strategy, before, ready }: TrafficInput, fallback: number): [number, string][] {
  const live = rollout === undefined ? fallback : rollout.weight === 100 ? rollout.revision : (rollout.stable ?? fallback);
  const standsBeside = rollout !== undefined && strategy === 'blue-green' && rollout.weight === 0 && rollout.stable !== undefined && rollout.phase !== 'aborted';
  const wanted: [number, string][] = [
    ...rules.flatMap(({ revision = live, tag }): [number, string][] => (tag === undefined ? [] : [[revision, tag]])),
    ...(standsBeside && !rules.some(({ tag }) => tag === PREVIEW_TAG) ? [[rollout.revision, PREVIEW_TAG] as [number, string]] : []),
  ];
  return wanted.filter(([revision, tag]) => ready(revision) > 0 || before.some((share) => share.revision === revision && share.tag === tag));
}

/** One entry for each share, with its first tag; further tags as entries of 0. */
function entries(percents: ReadonlyMap<number, number>, tags: readonly [number, string][]): TrafficShare[] {
  const found: TrafficShare[] = [];
  for (const [revision, percent] of percents) {
    if (percent > 0) found.push({ revision, percent });
  }
  for (const [revision, tag] of tags) {
    const share = found.find((entry) => entry.revision === revision && entry.tag === undefined);
    if (share) share.tag = tag;
    else found.push({ revision, percent: 0, tag });
  }
  return found.sort((a, b) => b.percent - a.percent || a.revision - b.revision || (a.tag ?? '').localeCompare(b.tag ?? ''));
}

export function shareOf(traffic: readonly TrafficShare[], revision: number): number {
  return traffic.reduce((sum, share) => (share.revision === revision ? sum + share.percent : sum), 0);
}

/** The revision with the greatest share; of equals the one that had it before. */
export function greatestShare(traffic: readonly TrafficShare[], before: number | undefined): number | undefined {
  const most = Math.max(...traffic.map(({ percent }) => percent));
  const greatest = traffic.filter(({ percent }) => percent === most);
  return (greatest.find(({ revision }) => revision === before) ?? greatest[0])?.revision;
}
