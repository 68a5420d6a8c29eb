import { describe, expect, it } from 'vitest';
import type { RevisionSpec } from '../../contract/function-resource.js';
import { pickShare, type Share } from './pick-share.policy.js';
import { Upstream } from './upstream.js';

class FakeUpstream extends Upstream {
  readonly transparent = true;
  dispatch(): void {}
  protected close(): void {}
}

function share(revision: number, weight: number, upstreams = [new FakeUpstream(`u${revision}`, '', {} as RevisionSpec, 1)]): Share {
  return { revision, weight, credit: 0, upstreams };
}

function distribution(shares: Share[], requests: number): Record<number, number> {
  const counts: Record<number, number> = {};
  for (let i = 0; i < requests; i++) {
    const { revision } = pickShare(shares, 0, undefined)!;
    counts[revision] = (counts[revision] ?? 0) + 1;
  }
  return counts;
}

describe('pickShare', () => {
  it.each([
    [[100]], [[80, 20]], [[99, 1]], [[1, 99]], [[50, 50]], [[34, 33, 33]], [[60, 25, 10, 5]], [[90, 4, 3, 2, 1]], [[13, 13, 13, 13, 12, 12, 12, 12]],
  ])('%j: exactly so in each hundred requests', (weights) => {
    const shares = weights.map((weight, i) => share(i + 1, weight));
    for (let round = 0; round < 20; round++) expect(distribution(shares, 100)).toEqual(Object.fromEntries(weights.map((weight, i) => [i + 1, weight])));
  });

  it.each([[[80, 20], 5], [[90, 10], 10], [[50, 50], 2]])('%j: spreads the smaller share evenly', (weights, every) => {
    const shares = weights.map((weight, i) => share(i + 1, weight));
    const at: number[] = [];
    for (let i = 0; i < 100; i++) if (pickShare(shares, 0, undefined)!.revision === 2) at.push(i);
    expect(at.slice(1).map((position, i) => position - at[i]!)).toEqual(Array(at.length - 1).fill(every));
  });

  it('gives the turn of one without pods to the others by their weights, and to it again when it has some', () => {
    const absent = share(3, 50, []);
    const shares = [share(1, 30), share(2, 20), absent];
    expect(distribution(shares, 100)).toEqual({ 1: 60, 2: 40 });
    absent.upstreams = [new FakeUpstream('late', '', {} as RevisionSpec, 1)];
    expect(distribution(shares, 100)).toEqual({ 1: 30, 2: 20, 3: 50 });
  });

  it('passes over one that is full, unreachable or to be avoided', () => {
    const [a, b] = [share(1, 90), share(2, 10)];
    const [pod] = a.upstreams as [Upstream];
    pod.inFlight = 1;
    expect(pickShare([a, b], 0, undefined)).toBe(b);
    pod.inFlight = 0;
    expect(pickShare([a, b], 0, pod)).toBe(b);
    pod.noteUnreachable(0);
    expect([pickShare([a, b], 1, undefined), pickShare([a, b], 300, undefined)]).toEqual([b, a]);
  });

  it('finds none where none can take a request', () => {
    expect(pickShare([], 0, undefined)).toBeUndefined();
    expect(pickShare([share(1, 50, []), share(2, 50, [])], 0, undefined)).toBeUndefined();
  });
});
