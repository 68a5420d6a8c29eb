import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import type { PlacementObject } from '../manifests/placement-objects.js';
import type { AppliedObjects } from '../store/placement.entity.js';
import { contentFingerprint, isAsAsked, ownContent, strayLabels } from './object-content.policy.js';
import { driftedKeys, inputHash, isEmpty, placementKey, planPlacement, VERIFY_EVERY_MS, type RecordedPlacement } from './placement.plan.js';

const namespace: PlacementObject = { type: RESOURCE.namespace, manifest: { metadata: { name: 'fnp-1', labels: { 'fnplane.dev/tenant-id': 't' } } } };
const policy = (ingress: unknown[]): PlacementObject => ({ type: RESOURCE.networkPolicy, manifest: { metadata: { name: 'deny', namespace: 'fnp-1' }, spec: { ingress } } as KubernetesObject });
const desired = [namespace, policy([])] as const;
const NOW = 1_800_000_000_000;

function recorded(change: Partial<RecordedPlacement> = {}): RecordedPlacement {
  const applied: AppliedObjects = Object.fromEntries(desired.map((object) => [placementKey(object.type, object.manifest), { input: inputHash(object), observed: 'f' }]));
  return { namespaceUid: 'u', applied, verifiedAt: new Date(NOW - 1_000), generation: 1, observedGeneration: 1, ...change };
}

describe('the plan of a placement', () => {
  it('is empty when nothing changed', () => {
    expect(isEmpty(planPlacement(desired, recorded(), NOW))).toBe(true);
  });

  it('holds only what was made from other input', () => {
    const plan = planPlacement([namespace, policy([{}])], recorded(), NOW);
    expect([plan.full, plan.namespace, plan.others.length]).toEqual([false, undefined, 1]);
  });

  it.each([
    ['the namespace was never made', { namespaceUid: null }],
    ['nothing was ever verified', { verifiedAt: null }],
    ['the last verification is old', { verifiedAt: new Date(NOW - VERIFY_EVERY_MS) }],
    ['somebody asked for it', { generation: 2 }],
  ])('holds everything when %s', (_, change) => {
    const plan = planPlacement(desired, recorded(change), NOW);
    expect([plan.full, plan.namespace, plan.others.length]).toEqual([true, namespace, 1]);
  });
});

describe('drift', () => {
  const applied: AppliedObjects = { a: { input: '', observed: '1' }, b: { input: '', observed: '2' } };

  it.each([
    ['all is as it was', { a: '1', b: '2', other: '9' }, []],
    ['one was changed', { a: '1', b: '3' }, ['b']],
    ['one is missing', { a: '1' }, ['b']],
    ['all are missing', {}, ['a', 'b']],
  ])('is told when %s', (_, observed, expected) => {
    expect(driftedKeys(applied, new Map(Object.entries(observed)))).toEqual(expected);
  });
});

describe('the platform\'s part of an object', () => {
  it('of a namespace is its own labels', () => {
    const object = { metadata: { name: 'n', labels: { 'fnplane.dev/tenant-id': 't', 'kubernetes.io/metadata.name': 'n', team: 'x', 'pod-security.kubernetes.io/enforce': 'restricted' } }, spec: { finalizers: ['kubernetes'] } };
    expect(ownContent(RESOURCE.namespace, object as KubernetesObject)).toEqual({ labels: { 'fnplane.dev/tenant-id': 't', 'pod-security.kubernetes.io/enforce': 'restricted' } });
  });

  it('of a service account leaves out what clusters add', () => {
    const bare = { metadata: { name: 's' }, automountServiceAccountToken: false };
    expect(contentFingerprint(RESOURCE.serviceAccount, { ...bare, imagePullSecrets: [{ name: 'x' }] } as KubernetesObject)).toBe(contentFingerprint(RESOURCE.serviceAccount, bare));
  });

  it('of anything else is all but metadata and status', () => {
    const one = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', uid: '1', resourceVersion: '5' }, spec: { hard: { pods: '1' } }, status: { used: { pods: '0' } } };
    const two = { metadata: { name: 'q', uid: '2', resourceVersion: '9' }, spec: { hard: { pods: '1' } }, status: { used: { pods: '1' } } };
    expect(contentFingerprint(RESOURCE.resourceQuota, one as KubernetesObject)).toBe(contentFingerprint(RESOURCE.resourceQuota, two as KubernetesObject));
    expect(contentFingerprint(RESOURCE.resourceQuota, { ...one, spec: { hard: { pods: '2' } } } as KubernetesObject)).not.toBe(contentFingerprint(RESOURCE.resourceQuota, two as KubernetesObject));
  });

  it('is as asked only without additions', () => {
    const asked = { metadata: { name: 'p', labels: { 'fnplane.dev/component': 'placement' } }, spec: { podSelector: {}, ingress: [] } } as KubernetesObject;
    const found = (spec: object, labels: Record<string, string> = { 'fnplane.dev/component': 'placement' }) => ({ metadata: { name: 'p', labels }, spec }) as KubernetesObject;
    expect(isAsAsked(RESOURCE.networkPolicy, asked, found({ podSelector: {} }))).toBe(true);
    expect(isAsAsked(RESOURCE.networkPolicy, asked, found({ podSelector: {}, ingress: [{}] }))).toBe(false);
    expect(isAsAsked(RESOURCE.networkPolicy, asked, found({ podSelector: {} }, { 'fnplane.dev/component': 'placement', 'fnplane.dev/data-path': 'true' }))).toBe(false);
    expect(isAsAsked(RESOURCE.networkPolicy, asked, found({ podSelector: {} }, { 'fnplane.dev/component': 'placement', team: 'x' }))).toBe(true);
  });

  it('names labels of the platform\'s that are not asked for', () => {
    expect(strayLabels(namespace.manifest, { metadata: { name: 'n', labels: { 'fnplane.dev/tenant-id': 't', 'fnplane.dev/data-path': 'true', team: 'x' } } })).toEqual(['fnplane.dev/data-path']);
  });
});
