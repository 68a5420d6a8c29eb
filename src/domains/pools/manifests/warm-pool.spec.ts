import { expect, test } from 'vitest';
import { buildWarmPool } from './warm-pool.js';

const TENANT = { id: '22222222-2222-4222-8222-222222222222', name: 'acme' };
const IMAGES = { python: 'r/python@1', node: 'r/node@1', go: 'r/go@1' };

test('names the runtimes that have pods, in the tenant\'s own namespace', () => {
  expect(buildWarmPool(TENANT, [{ runtime: 'python', min: 0, max: 0 }, { runtime: 'go', min: 1, max: 2 }], IMAGES)).toMatchObject({
    metadata: { name: 'pool', namespace: 'fnp-22222222222242228222222222222222' },
    spec: { tenant: 'acme', tenantId: TENANT.id, runtimes: [{ runtime: 'go', image: 'r/go@1', min: 1, max: 2 }] },
  });
});

test('is nothing where nothing shall wait', () => {
  expect(buildWarmPool(TENANT, [{ runtime: 'python', min: 0, max: 0 }], IMAGES)).toBeUndefined();
});
