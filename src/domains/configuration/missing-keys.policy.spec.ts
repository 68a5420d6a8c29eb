import { expect, it } from 'vitest';
import { missingKeys } from './missing-keys.policy.js';

it.each<[string, string[], string[], string[]]>([
  ['nothing', ['A', 'B'], ['A', 'B', 'C'], []],
  ['one value', ['A', 'B', 'C'], ['A', 'D'], ['db/B', 'db/C']],
  ['all of them', ['A', 'B'], [], ['db']],
  ['none of what never was', [], [], []],
])('misses %s', (_, had, has, expected) => {
  expect(missingKeys('db', had, has)).toEqual(expected);
});
