import { describe, expect, it } from 'vitest';
import type { PlacementState } from './placement-states.js';
import { servingPlace } from './serving-gateway.policy.js';

const place = (name: string, state: PlacementState, message: string | null = null) => ({ name, placement: { state }, cluster: { message, gatewayUrl: null } });

describe('the place a function is asked at', () => {
  it.each([
    ['one that is verified', [place('a', 'leaving'), place('b', 'active')], 'b'],
    ['one that is being left rather than one that does not answer', [place('a', 'active', 'timeout'), place('b', 'leaving')], 'b'],
    ['one that does not answer rather than one that nothing was ever served from', [place('a', 'pending'), place('b', 'active', 'timeout')], 'b'],
    ['the first of two that are alike', [place('a', 'active'), place('b', 'active')], 'a'],
    ['none that is being taken away', [place('a', 'deleting'), place('b', 'orphaned')], undefined],
  ])('is %s', (_, places, expected) => {
    expect(servingPlace(places)?.name).toBe(expected);
  });
});
