import { expect, test } from 'vitest';
import { rewrittenPath } from './triggers.js';

test.each([
  ['prefix', '/orders', undefined, '/orders/7', '/orders/7'],
  ['prefix', '/orders', '/', '/orders', '/'],
  ['prefix', '/orders', '/', '/orders/', '/'],
  ['prefix', '/orders', '/', '/orders/7/lines', '/7/lines'],
  ['prefix', '/orders', '/v2', '/orders', '/v2'],
  ['prefix', '/orders', '/v2', '/orders/7', '/v2/7'],
  ['prefix', '/orders', '/v2/', '/orders/7', '/v2/7'],
  ['prefix', '/', '/v2', '/a', '/v2/a'],
  ['prefix', '/', '/', '/', '/'],
  ['exact', '/status', '/healthz', '/status', '/healthz'],
  ['exact', '/status', undefined, '/status', '/status'],
] as const)('%s %s with %s: %s is %s to the function', (type, value, prefix, asked, seen) => {
  expect(rewrittenPath({ path: { type, value }, ...(prefix === undefined ? {} : { rewrite: { prefix } }) }, asked)).toBe(seen);
});
