import { describe, expect, it } from 'vitest';
import { QUOTA_LIMITS, type QuotaLimit } from '../tenants/quota-admission.js';
import { demandWithinLimits, effectiveRevision, referencesOf, reservationOf } from './function-defaults.policy.js';

const limits = (more: Partial<Record<QuotaLimit, number>> = {}): Record<QuotaLimit, number> =>
  ({ ...Object.fromEntries(QUOTA_LIMITS.map((limit) => [limit, 1_000])), ...more }) as Record<QuotaLimit, number>;

describe('effectiveRevision', () => {
  it('fills in what is absent', () => {
    expect(effectiveRevision({ runtime: 'python' }, limits())).toEqual({
      runtime: 'python', handler: 'handler.handle', resources: { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 256 }, timeoutSeconds: 60, concurrency: 0, metering: 'runtime',
      secretDelivery: { as: 'environment', updates: 'rolling' },
    });
    expect(effectiveRevision({ runtime: 'python', secretDelivery: { as: 'files' } }, limits()).secretDelivery).toEqual({ as: 'files', updates: 'rolling' });
  });

  it('never fills in more than the quota allows', () => {
    const effective = effectiveRevision({ runtime: 'node' }, limits({ functionMemoryMb: 64, functionCpuMillis: 50, timeoutSeconds: 10 }));
    expect(effective).toMatchObject({ resources: { cpuMillis: 50, memoryMb: 64 }, timeoutSeconds: 10 });
  });

  it.each([['go', undefined, 'runtime', ''], ['image', undefined, 'gateway', ''], ['image', 'runtime', 'runtime', '']] as const)('%s with metering %s is metered by %s', (runtime, metering, expected, handler) => {
    expect(effectiveRevision({ runtime, metering }, limits())).toMatchObject({ metering: expected, handler });
  });
});

it('reserves for the most pods there may be, each as large as the largest revision', () => {
  const of = (cpuMillis: number, memoryMb: number) => effectiveRevision({ runtime: 'python', resources: { cpuMillis, memoryMb, ephemeralStorageMb: 10 } }, limits());
  expect(reservationOf([of(200, 256)], { max: 3 })).toEqual({ functions: 1, pods: 3, cpuMillis: 600, memoryMb: 768, ephemeralStorageMb: 30 });
  expect(reservationOf([of(200, 256), of(100, 512)], { max: 2 })).toEqual({ functions: 1, pods: 2, cpuMillis: 400, memoryMb: 1024, ephemeralStorageMb: 20 });
});

it.each([
  ['functionMemoryMb', '/resources/memoryMb'], ['functionCpuMillis', '/resources/cpuMillis'], ['timeoutSeconds', '/timeoutSeconds'],
] as const)('what exceeds %s is refused at %s', (limit, pointer) => {
  const effective = effectiveRevision({ runtime: 'python', resources: { cpuMillis: 500, memoryMb: 500 }, timeoutSeconds: 500 }, limits());
  expect(() => demandWithinLimits(effective, limits())).not.toThrow();
  expect(() => demandWithinLimits(effective, limits({ [limit]: 499 }))).toThrow(expect.objectContaining({ kind: 'quota-exceeded', fields: [{ pointer, message: 'must be at most 499' }], details: { limit, allowed: 499, requested: 500 } }));
});

it('refers to everything it uses', () => {
  expect(referencesOf({ runtime: 'python', configs: ['b', 'a'], secrets: ['s'], source: { archive: 'd' } })).toEqual([
    { kind: 'config', name: 'b' }, { kind: 'config', name: 'a' }, { kind: 'secret', name: 's' }, { kind: 'code', name: 'd' },
  ]);
});
