import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { changedAt, podsToHurry } from './live-secrets.plan.js';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const secret = (...managedFields: object[]): KubernetesObject => ({ metadata: { name: 's', managedFields } });

describe('changedAt', () => {
  it('is the worker\'s last write to any of them', () => {
    const objects = [secret({ manager: 'fnplane-worker', time: at(3) }, { manager: 'kubectl-edit', time: at(30) }), secret({ manager: 'fnplane-worker', time: at(9) })];
    expect(changedAt(objects)).toBe(Date.parse(at(9)));
  });

  it.each([['nothing', []], ['objects without a record', [secret(), { metadata: { name: 's' } }]], ['a record without a time', [secret({ manager: 'fnplane-worker' })]]])('of %s is never', (_, objects) => {
    expect(changedAt(objects)).toBe(0);
  });
});

describe('podsToHurry', () => {
  const pod = (name: string, created: number, more: object = {}): KubernetesObject => ({ metadata: { name, creationTimestamp: at(created), ...more } });

  it('are those that may hold older files and were not told of these', () => {
    const pods = [
      pod('before', 1), pod('in-the-same-second', 5), pod('after', 6), pod('told', 1, { annotations: { 'fnplane.dev/live-secrets': 'new' } }),
      pod('told-of-others', 1, { annotations: { 'fnplane.dev/live-secrets': 'old' } }), pod('leaving', 1, { deletionTimestamp: at(7) }),
    ];
    expect(podsToHurry(pods, 'new', Date.parse(at(5))).map(({ metadata }) => metadata.name)).toEqual(['before', 'in-the-same-second', 'told-of-others']);
  });

  it('are none where no change is known', () => {
    expect(podsToHurry([pod('a', 1)], 'new', 0)).toEqual([]);
  });
});
