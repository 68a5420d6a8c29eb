import { describe, expect, it } from 'vitest';
import { bodyOf, isSame, mergePatch, partsOf, withoutAbsent } from './function-parts.policy.js';

describe('mergePatch', () => {
  // Cases of RFC 7396, appendix A, as far as objects go.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ['x', { a: 1 }, { a: 1 }],
  ])('%j with %j is %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('changes neither of its arguments', () => {
    const target = { a: { b: 1 } };
    mergePatch(target, { a: { b: null, c: 2 } });
    expect(target).toEqual({ a: { b: 1 } });
  });
});

describe('parts of a function', () => {
  it('come apart and together again', () => {
    const body = { name: 'f', runtime: 'python' as const, labels: { a: 'b' }, scaling: { max: 2 }, traffic: [{ percent: 100, tag: 'x' }], rollout: { strategy: 'canary' as const }, authentication: 'none' as const, environment: { A: '1' }, secretDelivery: { as: 'files' as const } };
    const parts = partsOf(body);
    expect(parts).toEqual({ revision: { runtime: 'python', environment: { A: '1' }, secretDelivery: { as: 'files' } }, settings: { labels: { a: 'b' }, scaling: { max: 2 }, traffic: [{ percent: 100, tag: 'x' }], rollout: { strategy: 'canary' }, authentication: 'none' } });
    expect(bodyOf('f', parts)).toEqual(body);
  });

  it('have no place for what is absent', () => {
    expect(withoutAbsent({ a: null, b: undefined, c: { d: null }, e: [] })).toEqual({ c: {}, e: [] });
  });

  it.each([
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: ['x', 'y'] }, { a: ['y', 'x'] }, false],
    [{ a: {} }, {}, false],
  ])('%j and %j ask for the same: %s', (a, b, same) => {
    expect(isSame(a, b)).toBe(same);
  });
});
