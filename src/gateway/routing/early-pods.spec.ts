import { describe, expect, it } from 'vitest';
import { EarlyPods } from './early-pods.js';
import { endpointId, type Endpoint } from './endpoint-slice.policy.js';

const endpoint = (changes: Partial<Endpoint> = {}): Endpoint => ({ address: '10.0.0.1', port: 8080, pod: 'orders-r00001-a', podUid: 'u1', revision: undefined, ready: true, ...changes });
const woken = endpoint({ podUid: '', revision: 1 });
const ids = (endpoints: Endpoint[]): string[] => endpoints.map(endpointId);

describe('EarlyPods', () => {
  function setUp(seen = false): { early: EarlyPods; renames: string[]; merge: (endpoints: Endpoint[], now?: number) => string[] } {
    const early = new EarlyPods();
    const renames: string[] = [];
    early.add(seen ? endpoint({ ready: false }) : woken, 1000, seen);
    return { early, renames, merge: (endpoints, now = 0) => ids(early.merge(endpoints, now, (from, to) => renames.push(`${from} ${to}`))) };
  }

  it('counts a pod that no endpoint names yet, for a bounded time', () => {
    const { early, merge } = setUp();
    const other = endpoint({ address: '10.0.0.2', pod: 'orders-r00001-b', podUid: 'u2' });
    expect(merge([])).toEqual(['10.0.0.1:8080#']);
    expect(merge([other])).toEqual(['10.0.0.2:8080#u2', '10.0.0.1:8080#']);
    expect(merge([other], 1000)).toEqual(['10.0.0.2:8080#u2']);
    expect(early.size).toBe(0);
  });

  it.each([
    ['by the pod\'s name', endpoint()],
    ['by the pod\'s name, at another port', endpoint({ port: 9090 })],
    ['by its address where the pod has no name', endpoint({ pod: '', podUid: '' })],
  ])('counts it once when an endpoint calls it ready, known %s', (_how, named) => {
    const { early, renames, merge } = setUp();
    expect(merge([named])).toEqual([endpointId(named)]);
    expect(renames).toEqual([`10.0.0.1:8080# ${endpointId(named)}`]);
    expect(early.size).toBe(0);
  });

  it('counts it while an endpoint names it and does not call it ready yet', () => {
    const { early, merge } = setUp();
    expect(merge([endpoint({ ready: false })])).toEqual(['10.0.0.1:8080#u1']);
    expect(early.has(endpoint())).toBe(true);
    expect(merge([endpoint({ ready: false })], 1000)).toEqual([]);
  });

  it.each([['brought by a wake', false], ['found by a probe', true]])('drops one, %s, that endpoints named and name no more', (_how, seen) => {
    const { early, merge } = setUp(seen);
    expect(merge([endpoint({ ready: false })])).toEqual(['10.0.0.1:8080#u1']);
    expect(merge([])).toEqual([]);
    expect(early.size).toBe(0);
  });

  it('takes a pod of another name at the same address for another pod', () => {
    const { merge } = setUp();
    expect(merge([endpoint({ pod: 'orders-r00001-z', podUid: 'u9' })])).toEqual(['10.0.0.1:8080#u9', '10.0.0.1:8080#']);
  });

  it('forgets one by its id', () => {
    const { early } = setUp();
    expect([early.delete('other'), early.delete(endpointId(woken)), early.size]).toEqual([false, true, 0]);
  });
});
