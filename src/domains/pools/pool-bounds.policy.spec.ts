import { expect, test } from 'vitest';
import { boundsProblems, effectiveBounds, poolReservation } from './pool-bounds.policy.js';

test('a runtime comes once, and its least does not exceed its most', () => {
  expect(boundsProblems([{ runtime: 'go', min: 1, max: 2 }, { runtime: 'node', min: 0, max: 0 }])).toEqual([]);
  expect(boundsProblems([{ runtime: 'go', min: 1, max: 2 }, { runtime: 'go', min: 3, max: 2 }])).toEqual([
    { pointer: '/runtimes/1/runtime', message: 'go is named twice' }, { pointer: '/runtimes/1/min', message: 'must not exceed max, 2' },
  ]);
});

test('room is held for all pods that may wait', () => {
  expect(poolReservation({ runtime: 'python', min: 0, max: 3 })).toEqual({ pods: 3, cpuMillis: 750, memoryMb: 384, ephemeralStorageMb: 768 });
});

test('what is in force names every runtime; without compute nothing waits', () => {
  const stated = [{ runtime: 'node' as const, min: 1, max: 2 }];
  expect(effectiveBounds(stated, 'writes')).toEqual([{ runtime: 'python', min: 0, max: 0 }, { runtime: 'node', min: 1, max: 2 }, { runtime: 'go', min: 0, max: 0 }]);
  expect(effectiveBounds(stated, 'compute').every(({ max }) => max === 0)).toBe(true);
});
