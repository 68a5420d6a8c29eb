import { describe, expect, it } from 'vitest';
import { admit, effectiveLimits, grows, mergeOverrides, overQuota, usedAmounts } from './admission.policy.js';

describe('admission', () => {
  it.each([
    ['fits exactly', { functions: 5 }, { functions: 4 }, {}, { functions: 1 }, { functions: 5 }],
    ['replaces what the holder held', { cpuMillis: 1000 }, { cpuMillis: 900 }, { cpuMillis: 400 }, { cpuMillis: 500 }, { cpuMillis: 1000 }],
    ['gives back what is no longer named', { pods: 5, cpuMillis: 100 }, { pods: 2, cpuMillis: 100 }, { pods: 2, cpuMillis: 100 }, { pods: 1 }, { pods: 1, cpuMillis: 0 }],
    ['shrinks while over the quota', { pods: 1 }, { pods: 9 }, { pods: 4 }, { pods: 3 }, { pods: 8 }],
    ['keeps a limit it is over while another one grows', { pods: 1, memoryMb: 10 }, { pods: 9, memoryMb: 1 }, { pods: 4, memoryMb: 1 }, { pods: 4, memoryMb: 5 }, { pods: 9, memoryMb: 5 }],
    ['asks for nothing of a limit that is full', { functions: 0, secrets: 1 }, { functions: 3 }, {}, { functions: 0, secrets: 1 }, { functions: 3, secrets: 1 }],
  ])('%s', (_, effective, reserved, held, wanted, sums) => {
    expect(admit(effective, reserved, held, wanted)).toEqual({ fits: true, reserved: sums });
  });

  it.each([
    ['one too many', { functions: 5 }, { functions: 5 }, {}, { functions: 1 }, { limit: 'functions', allowed: 5, used: 5, requested: 1 }],
    ['an increase beyond', { cpuMillis: 1000 }, { cpuMillis: 900 }, { cpuMillis: 400 }, { cpuMillis: 501 }, { limit: 'cpuMillis', allowed: 1000, used: 900, requested: 101 }],
    ['growth while over', { pods: 1 }, { pods: 9 }, { pods: 4 }, { pods: 5 }, { limit: 'pods', allowed: 1, used: 9, requested: 1 }],
    ['a limit nobody set', {}, {}, {}, { codeMb: 1 }, { limit: 'codeMb', allowed: 0, used: 0, requested: 1 }],
  ])('refuses %s', (_, effective, reserved, held, wanted, shortage) => {
    expect(admit(effective, reserved, held, wanted)).toEqual({ fits: false, shortage });
  });

  it.each([[-1], [1.5], [Number.NaN], [Number.MAX_SAFE_INTEGER + 1]])('takes no amount of %s', (amount) => {
    expect(() => admit({ pods: 10 }, {}, {}, { pods: amount })).toThrow(RangeError);
  });
});

describe('growth', () => {
  it.each([
    [{}, { functions: 1 }, true],
    [{ functions: 1, pods: 2 }, { functions: 1, pods: 3 }, true],
    [{ functions: 1, pods: 2 }, { functions: 1, pods: 2 }, false],
    [{ functions: 1, pods: 2 }, { functions: 1, pods: 1 }, false],
    [{ functions: 1, pods: 2 }, { functions: 1, pods: 1, cpuMillis: 1 }, true],
    [{ functions: 1 }, {}, false],
  ])('from %j to %j: %s', (held, wanted, expected) => {
    expect(grows(held, wanted)).toBe(expected);
  });
});

describe('limits', () => {
  it('are the plan\'s with the overrides over them', () => {
    const effective = effectiveLimits({ functions: 50, pods: 10 }, { pods: 0 });
    expect(effective).toMatchObject({ functions: 50, pods: 0, secrets: 0 });
    expect(Object.keys(effective)).toHaveLength(16);
  });

  it('bound the month only where the plan or an override says so', () => {
    expect(effectiveLimits({ functions: 1 }, {}).monthlySpend).toBeNull();
    expect(effectiveLimits({ monthlySpend: '100.00' }, {}).monthlySpend).toBe('100.00');
    expect(effectiveLimits({ monthlySpend: '100.00' }, { monthlySpend: '0' }).monthlySpend).toBe('0');
  });

  it('list what is beyond them', () => {
    expect(overQuota({ functions: 2, pods: 5, secrets: 1 }, { functions: 3, pods: 5 })).toEqual([{ limit: 'functions', allowed: 2, used: 3 }]);
    expect(usedAmounts({ functions: 3 })).toMatchObject({ functions: 3, pods: 0 });
  });

  it.each([
    ['sets and keeps', { pods: 3 }, { functions: 7 }, { functions: 7, pods: 3 }],
    ['takes one back', { pods: 3, functions: 7 }, { pods: null }, { functions: 7 }],
    ['takes all back', { pods: 3, functions: 7 }, null, {}],
    ['changes nothing', { pods: 3 }, {}, { pods: 3 }],
    ['takes zero as a value', {}, { secrets: 0 }, { secrets: 0 }],
    ['takes an amount of money as it is written', { pods: 3 }, { monthlySpend: '250.50' }, { pods: 3, monthlySpend: '250.50' }],
    ['takes an amount of money back', { pods: 3, monthlySpend: '250.50' }, { monthlySpend: null }, { pods: 3 }],
  ])('merge: %s', (_, before, patch, after) => {
    expect(mergeOverrides(before, patch)).toEqual(after);
  });
});
