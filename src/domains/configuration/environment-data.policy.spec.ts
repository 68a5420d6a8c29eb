import { describe, expect, it } from 'vitest';
import { DomainError } from '../../platform/errors/domain-error.js';
import { checkData, checkSetName, keyProblem, MAX_SET_BYTES, MAX_VALUE_BYTES, mergeData, sameData } from './environment-data.policy.js';

function refusal(work: () => void): DomainError {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('set names', () => {
  it.each(['a', 'db', 'orders-db-2', 'a'.repeat(63), 'deadbeef-0000-4000-8000-00000000000'])('takes %s', (name) => {
    expect(() => checkSetName(name)).not.toThrow();
  });

  it.each(['', 'A', '2db', '-db', 'db-', 'a_b', 'a.b', 'a'.repeat(64), 'ä', 'a\n', 'deadbeef-0000-4000-8000-000000000000', '../x'])('refuses %j', (name) => {
    expect(refusal(() => checkSetName(name))).toMatchObject({ kind: 'invalid', code: 'CONFIGURATION_INVALID', fields: [{ pointer: '/name' }] });
  });
});

describe('variable names', () => {
  it.each(['A', '_', 'a1', 'DATABASE_URL', 'constructor', 'FNPLANE', 'fnplane_x', 'PORTS', 'x'.repeat(128)])('takes %s', (key) => {
    expect(keyProblem(key)).toBeUndefined();
  });

  it.each(['', '1A', 'A-B', 'A B', 'A=B', 'A.B', 'Ä', 'A\n', 'PORT', 'FNPLANE_X', 'FNPLANE_', '__proto__', 'x'.repeat(129)])('refuses %j', (key) => {
    expect(keyProblem(key)).toEqual(expect.any(String));
  });
});

describe('data', () => {
  it('may be as large as allowed and no larger', () => {
    const value = 'x'.repeat(MAX_VALUE_BYTES);
    const rest = 'x'.repeat(MAX_SET_BYTES - 3 * MAX_VALUE_BYTES - 4);
    expect(() => checkData({ A: value, B: value, C: value, D: rest })).not.toThrow();
    expect(refusal(() => checkData({ A: value, B: value, C: value, D: `${rest}x` }))).toMatchObject({ kind: 'too-large', code: 'CONFIGURATION_TOO_LARGE' });
    expect(refusal(() => checkData({ A: `${value}x` })).fields).toEqual([{ pointer: '/data/A', message: `must have at most ${MAX_VALUE_BYTES} bytes` }]);
  });

  it('counts bytes, not characters', () => {
    expect(refusal(() => checkData({ A: 'ä'.repeat(MAX_VALUE_BYTES / 2 + 1) })).fields[0]?.pointer).toBe('/data/A');
  });

  it('is refused with a pointer to each wrong entry and never with a value', () => {
    const problem = refusal(() => checkData({ 'A/B': 'hunter2', PORT: 'hunter2', OK: 'hunter2', NUL: 'hunter2\0', HALF: 'hunter2\ud800' }));
    expect(problem.fields.map((field) => field.pointer)).toEqual(['/data/A~1B', '/data/PORT', '/data/NUL', '/data/HALF']);
    expect(JSON.stringify([problem.message, problem.fields, problem.details])).not.toContain('hunter2');
  });

  it.each([
    [{ A: '1' }, { B: '2' }, { A: '1', B: '2' }],
    [{ A: '1', B: '2' }, { A: null }, { B: '2' }],
    [{ A: '1' }, { A: '2' }, { A: '2' }],
    [{ A: '1' }, { B: null }, { A: '1' }],
    [{}, { constructor: 'x' }, Object.fromEntries([['constructor', 'x']])],
  ])('merges %o and %o', (before, patch, after) => {
    expect(mergeData(before as Record<string, string>, patch as unknown as Record<string, string | null>)).toEqual(after);
  });

  it.each([
    [{ A: '1', B: '2' }, { B: '2', A: '1' }, true],
    [{ A: '1' }, { A: '2' }, false],
    [{ A: '1' }, { A: '1', B: '2' }, false],
    [{ toString: 'x' }, {}, false],
  ])('compares %o with %o', (a, b, same) => {
    expect(sameData(a as Record<string, string>, b as Record<string, string>)).toBe(same);
  });
});
