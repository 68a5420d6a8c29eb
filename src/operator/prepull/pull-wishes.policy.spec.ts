import { describe, expect, test } from 'vitest';
import type { FunctionResource, FunctionStatus, FunctionSpec } from '../../contract/function-resource.js';
import type { WarmPoolResource } from '../../contract/pool-resource.js';
import { functionOf } from '../function/testing/observed.js';
import { entryOf, POOL_IMAGE, poolOf } from '../pool/testing/pool-objects.js';
import { functionImages, isRecent, poolImages } from './pull-wishes.policy.js';

const NOW = Date.parse('2026-01-01T12:00:00Z');

function fnOf(status: FunctionStatus | undefined, spec: Partial<FunctionSpec> = {}, metadata: object = {}): FunctionResource {
  const fn = functionOf(spec);
  return { ...fn, metadata: { ...fn.metadata, ...metadata }, ...(status ? { status } : {}) } as FunctionResource;
}

describe('images wanted on nodes', () => {
  const { target } = functionOf().spec;
  const asleep = { active: false, since: new Date(NOW).toISOString() };

  test.each<[string, FunctionResource, boolean]>([
    ['of a function whose pods have not proved it yet: they pull it themselves', fnOf({ scale: { ...asleep, active: true } }), false],
    ['of one that nobody has seen to', fnOf(undefined), false],
    ['of one that serves', fnOf({ servingRevision: target }), true],
    ['of one at zero that never ran', fnOf({ scale: asleep }), true],
    ['of one whose older revision serves', fnOf({ servingRevision: target + 1 }), false],
    ['of a suspended one', fnOf({ servingRevision: target, scale: asleep }, { suspension: 'compute' }), false],
    ['of one that goes', fnOf({ servingRevision: target }, {}, { deletionTimestamp: 'now' }), false],
  ])('%s: %s', (_, fn, wanted) => {
    expect(functionImages(fn)).toEqual(wanted ? fn.spec.revisions.filter(({ number }) => number === target).map(({ image }) => image) : []);
  });

  test('of a pool, once its pods wait on some node', () => {
    const status = (ready: number): WarmPoolResource => ({ ...poolOf(entryOf()), status: { runtimes: [{ runtime: 'python', wanted: 2, size: 2, ready, claimed: 0 }] } });
    expect([poolImages(poolOf()), poolImages(status(0)), poolImages(status(1))]).toEqual([[], [], [POOL_IMAGE]]);
  });

  test('a new leader sees to what changed lately', () => {
    const ready = (agoMs: number): FunctionStatus => ({ conditions: [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: new Date(NOW - agoMs).toISOString() }] });
    expect([isRecent(fnOf(ready(60_000)), NOW), isRecent(fnOf(ready(3_600_000)), NOW), isRecent(fnOf(undefined), NOW)]).toEqual([true, false, false]);
    expect(isRecent(fnOf(undefined, {}, { creationTimestamp: new Date(NOW - 60_000).toISOString() }), NOW)).toBe(true);
  });
});
