import { expect, test } from 'vitest';
import type { RevisionSpec } from '../../contract/function-resource.js';
import { functionOf, IMAGE } from '../function/testing/observed.js';
import { revision } from '../function/testing/test-tenant.js';
import { canTakeOn, mayStartWarm, revisionToWake } from './claim.policy.js';

const warm = (more: Partial<RevisionSpec> = {}): boolean => {
  const one = revision(1, IMAGE, { runtime: 'node', ...more });
  return mayStartWarm(functionOf({ revisions: [one] }), one);
};
const size = (memoryMb: number, ephemeralStorageMb = 256): Partial<RevisionSpec> => ({ resources: { cpuMillis: 100, memoryMb, ephemeralStorageMb } });
const files = [{ name: 'db', secret: 'shop-files' }];

test.each<[string, Partial<RevisionSpec>, boolean]>([
  ['an ordinary function', {}, true],
  ['a container of the tenant\'s own', { runtime: 'image' }, false],
  ['Node with more memory than the pool\'s heap is for', size(1_024), false],
  ['Python with more memory', { runtime: 'python', ...size(1_024) }, true],
  ['more disk than a pod of the pool has', { runtime: 'go', ...size(128, 512) }, false],
  ['secret files that roll', { secretFiles: files, secretDelivery: { as: 'files', updates: 'rolling' } }, true],
  ['secret files that change while it runs', { secretFiles: files, secretDelivery: { as: 'files', updates: 'live' } }, false],
])('%s', (_what, more, may) => {
  expect(warm(more)).toBe(may);
});

test('a suspended function does not start', () => {
  const one = revision(1, IMAGE, { runtime: 'go' });
  expect(mayStartWarm(functionOf({ revisions: [one], suspension: 'ingress' }), one)).toBe(false);
});

test.each([
  [{ TZ: 'Europe/Berlin', LOG_LEVEL: 'debug' }, true],
  [{ NODE_OPTIONS: '--max-old-space-size=64' }, false],
  [{ LD_PRELOAD: 'x.so' }, false],
  [{ LANG: 'de_DE.UTF-8' }, false],
  [{ LANGUAGES: 'de,en' }, true],
])('%j in a process that runs already', (environment, may) => {
  expect(canTakeOn(environment, 'node')).toBe(may);
  expect(canTakeOn(environment, 'go')).toBe(true);
});

test('the revision with most of the traffic is woken, else the one that served, else the target', () => {
  const revisions = [1, 2, 3].map((number) => revision(number, IMAGE));
  const wake = (status: Parameters<typeof functionOf>[1]) => revisionToWake(functionOf({ revisions, target: 3 }, status))?.number;
  expect(wake({ servingRevision: 1, traffic: [{ revision: 1, percent: 20 }, { revision: 2, percent: 80 }] })).toBe(2);
  expect(wake({ servingRevision: 1 })).toBe(1);
  expect(wake(undefined)).toBe(3);
  expect(wake({ servingRevision: 9 })).toBe(3);
});
