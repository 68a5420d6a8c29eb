import type { TrafficShare } from '../../contract/function-resource.js';

/** Which revisions answer at which of a function's addresses. */
export interface TrafficPlan {
  /** Weights at the function's own address, by revision. */
  main: ReadonlyMap<number, number>;
  /** The one revision at each tag's address. */
  tags: ReadonlyMap<string, number>;
  /** Revisions that the traffic names at all. One that it names with nothing at the main address gets nothing there, come what may. */
  listed: ReadonlySet<number>;
}

/** @param serving has everything where no shares are stated; undefined while no revision is known. */
export function planTraffic(traffic: readonly TrafficShare[] | undefined, serving: number | undefined): TrafficPlan {
  const main = new Map<number, number>();
  const tags = new Map<string, number>();
  const listed = new Set<number>();
  for (const { revision, percent, tag } of traffic ?? []) {
    listed.add(revision);
    if (percent > 0) main.set(revision, (main.get(revision) ?? 0) + percent);
    if (tag !== undefined && !tags.has(tag)) tags.set(tag, revision);
  }
  if (main.size === 0 && serving !== undefined) {
    main.set(serving, 100);
    listed.add(serving);
  }
  return { main, tags, listed };
}

/** `tag---function` taken apart; undefined for a name without a tag. Neither part can contain the divider. */
export function splitTag(name: string): { tag: string; name: string } | undefined {
  const at = name.indexOf(TAG_DIVIDER);
  return at <= 0 ? undefined : { tag: name.slice(0, at), name: name.slice(at + TAG_DIVIDER.length) };
}

const TAG_DIVIDER = '---';
