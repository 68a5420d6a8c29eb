import { describe, expect, it } from 'vitest';
import { pricedQuantities as quantitiesOf, type PricedQuantities } from '../metering/usage-units.policy.js';
import { hasReached, minorDigits, rate, type Price } from './rating.policy.js';

const NONE = { invocations: '0', billedMs: '0', mbMs: '0', cpuMilliMs: '0', requestBytes: '0', responseBytes: '0' };
const NO_TIME = { ms: '0', mbMs: '0', cpuMilliMs: '0' };
const pricedQuantities = (total: typeof NONE, idle = NO_TIME, pools: (typeof NO_TIME)[] = []): PricedQuantities => quantitiesOf({ total: { ...total, idle }, pools });
const PRICES: Price[] = [
  { meter: 'invocations', amount: '0.20', per: '1000000', freeAllowance: '100000' },
  { meter: 'gb_seconds', amount: '0.0000166667', per: '1', freeAllowance: '10000' },
];

describe('rate', () => {
  it('gives nothing for nothing', () => {
    expect(rate(pricedQuantities(NONE), PRICES, 'EUR').total).toBe('0.00');
  });

  it('takes the free allowance off first', () => {
    const rated = rate(pricedQuantities({ ...NONE, invocations: '100000' }), PRICES, 'EUR');
    expect(rated.lines[0]).toMatchObject({ freeQuantity: '100000', billableQuantity: '0', amount: '0.00' });
    expect(rate(pricedQuantities({ ...NONE, invocations: '5100000' }), PRICES, 'EUR').lines[0]!.amount).toBe('1.00');
  });

  // 512 MB for 3,000,000 runs of 1 s = 1,500,000 GB-s; less 10,000 free = 1,490,000 x 0.0000166667 = 24.833383
  it('prices GB-seconds to the cent', () => {
    const rated = rate(pricedQuantities({ ...NONE, mbMs: String(512n * 3_000_000n * 1000n) }), PRICES, 'EUR');
    expect(rated.lines[1]).toMatchObject({ quantity: '1500000', amount: '24.83' });
  });

  it('rounds half up, once a line, in the minor unit of the currency', () => {
    const prices: Price[] = [{ meter: 'invocations', amount: '0.005', per: '1', freeAllowance: '0' }, { meter: 'cpu_seconds', amount: '0.005', per: '1', freeAllowance: '0' }];
    const quantities = pricedQuantities({ ...NONE, invocations: '1', cpuMilliMs: '1000000' });
    expect(rate(quantities, prices, 'EUR')).toMatchObject({ total: '0.02', lines: expect.arrayContaining([expect.objectContaining({ meter: 'invocations', amount: '0.01' }), expect.objectContaining({ meter: 'cpu_seconds', amount: '0.01' })]) as unknown });
    expect(rate(quantities, prices, 'JPY').total).toBe('0');
  });

  it('shows what was kept ready apart, and asks nothing for it where the plan names no price', () => {
    const hour = { ms: '3600000', mbMs: String(128 * 3_600_000), cpuMilliMs: String(250 * 3_600_000) };
    const quantities = pricedQuantities(NONE, hour, [hour, hour]);
    const rated = rate(quantities, [...PRICES, { meter: 'pool_gb_seconds', amount: '0.01', per: '1', freeAllowance: '100' }], 'EUR');
    expect(rated.lines.map(({ meter, quantity, amount }) => `${meter} ${quantity} ${amount}`)).toEqual([
      'invocations 0 0.00', 'gb_seconds 0 0.00', 'pool_gb_seconds 900 8.00', 'idle_gb_seconds 450 0.00', 'idle_cpu_seconds 900 0.00', 'pool_cpu_seconds 1800 0.00',
    ]);
    expect(rated.total).toBe('8.00');
  });

  it('knows the minor units', () => {
    expect([minorDigits('EUR'), minorDigits('JPY'), minorDigits('KWD')]).toEqual([2, 0, 3]);
  });

  it('stays exact beyond what a float holds', () => {
    const rated = rate(pricedQuantities({ ...NONE, mbMs: '123456789012345678901234567890' }), [{ meter: 'gb_seconds', amount: '1', per: '1', freeAllowance: '0' }], 'EUR');
    expect(rated.total).toBe('120563270519868827051986.88');
  });
});

describe('a limit', () => {
  it.each([['99.99', '100.00', false], ['100.00', '100', true], ['100.01', '100.00', true], ['0.00', '0', true], ['123456789012345678.01', '123456789012345678.02', false]])('%s reaches %s: %s', (amount, limit, expected) => {
    expect(hasReached(amount, limit)).toBe(expected);
  });
});
