import { describe, expect, test } from 'vitest';
import { setCondition, type StatusCondition } from './conditions.js';
import { backoffMs } from './backoff.js';
import { contains, contentHash, needsApply, withInputHash } from './drift.js';
import { cpuQuantity, mebibyteQuantity } from './quantity.js';

describe('contains', () => {
  test.each([
    ['equal values', { a: 1 }, { a: 1 }, true],
    ['defaults of the server', { a: 1, b: 2 }, { a: 1 }, true],
    ['another value', { a: 2 }, { a: 1 }, false],
    ['a missing value', {}, { a: 1 }, false],
    ['an empty value that Go leaves out', {}, { a: '', b: [], c: {}, d: false, e: 0 }, true],
    ['a value where none shall be', { a: 3 }, { a: 0 }, false],
    ['undefined: no opinion', { a: 3 }, { a: undefined }, true],
    ['a named item among others', { list: [{ name: 'x', v: 1 }, { name: 'y', v: 2, w: 3 }] }, { list: [{ name: 'y', v: 2 }] }, true],
    ['a named item changed', { list: [{ name: 'y', v: 3 }] }, { list: [{ name: 'y', v: 2 }] }, false],
    ['a named item gone', { list: [] }, { list: [{ name: 'y' }] }, false],
    ['an unnamed list with more', { list: [1, 2] }, { list: [1] }, false],
    ['an unnamed list of objects with defaults', { list: [{ port: 80, protocol: 'TCP' }] }, { list: [{ port: 80 }] }, true],
    ['a rule opened wide', { from: [{}] }, { from: [{ a: 1 }] }, false],
    ['another type', { a: '1' }, { a: 1 }, false],
    ['null for an object', { a: null }, { a: { b: 1 } }, false],
  ])('%s', (_what, observed, desired, expected) => {
    expect(contains(observed, desired)).toBe(expected);
  });
});

describe('needsApply', () => {
  const desired = withInputHash({ metadata: { name: 'a' }, spec: { replicas: 1 } } as never);

  test('not for what stands already, whatever the server added', () => {
    const { metadata } = desired as { metadata: { annotations: object } };
    expect(needsApply(desired, { metadata: { name: 'a', uid: 'u', annotations: { ...metadata.annotations, other: 'x' } }, spec: { replicas: 1, more: 1 } } as never)).toBe(false);
  });

  test.each([
    ['missing', undefined],
    ['changed by others', { ...(desired as object), spec: { replicas: 2 } }],
    ['made from other input', { metadata: { name: 'a', annotations: { 'fnplane.dev/input-hash': 'other' } }, spec: { replicas: 1 } }],
  ])('for what is %s', (_what, observed) => {
    expect(needsApply(desired, observed as never)).toBe(true);
  });

  test('the hash does not depend on the order of keys', () => {
    expect(contentHash({ a: 1, b: { c: [1, 2], d: 2 } })).toBe(contentHash({ b: { d: 2, c: [1, 2] }, a: 1 }));
    expect(contentHash({ a: [1, 2] })).not.toBe(contentHash({ a: [2, 1] }));
  });
});

test.each([[10, '10m'], [100, '100m'], [1_000, '1'], [1_500, '1500m'], [64_000, '64']])('%i thousandths of a core are %s', (millis, text) => {
  expect(cpuQuantity(millis)).toBe(text);
});

test.each([[0, '0'], [16, '16Mi'], [1_024, '1Gi'], [1_536, '1536Mi'], [2_048, '2Gi'], [1_048_576, '1Ti']])('%i MiB are %s', (size, text) => {
  expect(mebibyteQuantity(size)).toBe(text);
});

test.each([[1, 100, 50], [2, 200, 100], [5, 1_000, 500], [1_000, 1_000, 500]])('after failure %i the delay is at most %i ms', (failures, most, least) => {
  const options = { baseMs: 100, maxMs: 1_000 };
  expect(backoffMs(failures, options, () => 0)).toBe(most);
  expect(backoffMs(failures, options, () => 1)).toBe(least);
});

describe('setCondition', () => {
  const ready = (status: 'True' | 'False', message: string): Omit<StatusCondition, 'lastTransitionTime'> => ({ type: 'Ready', status, reason: 'R', message });

  test('the time moves with the status only', () => {
    let conditions = setCondition(undefined, ready('False', 'a'), 't1');
    conditions = setCondition(conditions, ready('False', 'b'), 't2');
    expect(conditions).toEqual([{ type: 'Ready', status: 'False', reason: 'R', message: 'b', lastTransitionTime: 't1' }]);
    expect(setCondition(conditions, ready('True', 'c'), 't3')[0]?.lastTransitionTime).toBe('t3');
  });

  test('others keep their place, and the input is not changed', () => {
    const before: StatusCondition[] = [{ ...ready('True', 'x'), type: 'A', lastTransitionTime: 't0' }, { ...ready('True', 'x'), lastTransitionTime: 't0' }];
    const after = setCondition(before, ready('False', 'y'), 't1');
    expect(after.map((condition) => condition.type)).toEqual(['A', 'Ready']);
    expect(before[1]?.status).toBe('True');
  });
});
