import { describe, expect, it } from 'vitest';
import type { FunctionResource } from '../../../contract/function-resource.js';
import { ANNOTATION } from '../../../contract/names.js';
import { buildFunction, isAsApplied, isInPlace, type FunctionInput } from './function.js';

const TENANT = 'a0000000-0000-4000-8000-000000000001';
const FUNCTION = 'b0000000-0000-4000-8000-000000000002';
const effective = { runtime: 'python' as const, handler: 'handler.handle', resources: { cpuMillis: 100, memoryMb: 128, ephemeralStorageMb: 64 }, timeoutSeconds: 30, concurrency: 0, metering: 'runtime' as const };
const revision = (number: number) => ({ number, effective, image: `registry.example/f@sha256:${'a'.repeat(64)}`, configMap: number === 2 ? 'f-env-1' : undefined, secret: undefined, secretFiles: [], missingValues: [] });

function input(more: Partial<FunctionInput> = {}): FunctionInput {
  return {
    namespace: 'fnp-a', tenant: { id: TENANT, name: 'shop' }, target: 2, revisions: [revision(1), revision(2)], suspension: 'none',
    fn: { id: FUNCTION, name: 'f', generation: 5, scaling: { min: 1, max: 3 }, authentication: 'required' }, ...more,
  };
}

/** As the API server gives it back. */
function stored(manifest: FunctionResource): FunctionResource {
  return { ...structuredClone(manifest), metadata: { ...structuredClone(manifest.metadata), uid: 'u', generation: 1, resourceVersion: '9' }, status: {} };
}

describe('buildFunction', () => {
  it('says everything the operator needs', () => {
    const { kind, metadata, spec } = buildFunction(input());
    expect([kind, metadata.name, metadata.namespace]).toEqual(['Function', 'f', 'fnp-a']);
    expect(metadata.labels).toEqual({ 'app.kubernetes.io/managed-by': 'fnplane', 'fnplane.dev/tenant-id': TENANT, 'fnplane.dev/function': 'f', 'fnplane.dev/function-id': FUNCTION });
    expect(spec).toMatchObject({ tenant: 'shop', tenantId: TENANT, functionId: FUNCTION, platformGeneration: 5, target: 2, scaling: { min: 1, max: 3 }, authentication: 'required', suspension: 'none' });
    expect(spec.revisions.map(({ number, configMap }) => [number, configMap])).toEqual([[1, undefined], [2, 'f-env-1']]);
    expect(spec.revisions[0]).not.toHaveProperty('configMap');
  });

  it('says how secrets arrive and what they miss, where there is something to say', () => {
    const secretFiles = [{ name: 'db', secret: 'f-live-1' }, { name: 'api', secret: 'f-live-2' }];
    const live = { ...revision(2), effective: { ...effective, secretDelivery: { as: 'files' as const, updates: 'live' as const } }, secretFiles, missingValues: ['db/PASSWORD'] };
    const [bare, full] = buildFunction(input({ revisions: [revision(1), live] })).spec.revisions;
    expect(full).toMatchObject({ secretDelivery: { as: 'files', updates: 'live' }, secretFiles, missingValues: ['db/PASSWORD'] });
    for (const field of ['secretDelivery', 'secretFiles', 'missingValues']) expect(bare).not.toHaveProperty(field);
  });

  it('says how many pods, where requests go and how the target gets them', () => {
    const scaling = { min: 0, max: 5, metric: 'requests' as const, target: 100, burst: 2, scaleDownDelaySeconds: 30, idleTimeoutSeconds: 120, maxLifetimeSeconds: 600 };
    const traffic = [{ revision: 1, percent: 10, tag: 'old' }, { percent: 90 }];
    const rollout = { strategy: 'canary' as const, steps: [{ setWeight: 20 }, { pause: {} }], attempt: 4, paused: true };
    const { spec } = buildFunction(input({ fn: { ...input().fn, scaling, traffic }, rollout }));
    expect(spec).toMatchObject({ scaling, traffic, rollout });
    for (const absent of ['traffic', 'rollout']) expect(buildFunction(input()).spec).not.toHaveProperty(absent);
  });

  it('names the object with what brokers ask for, not the tenant\'s secret', () => {
    const kafka = { brokers: ['kafka.example:9092'], topic: 'orders', consumerGroup: 'shop', startPosition: 'earliest' as const, tls: true };
    const fn = { ...input().fn, scaling: { min: 0, max: 5, metric: 'kafka-lag' as const, target: 100, kafka: { ...kafka, secret: 'brokers' } } };
    expect(buildFunction(input({ fn, kafkaSecret: 'f-kafka-1' })).spec.scaling.kafka).toEqual({ ...kafka, secret: 'f-kafka-1' });
    expect(buildFunction(input({ fn })).spec.scaling.kafka).toEqual(kafka);
  });

  it('gives the same for the same', () => {
    expect(buildFunction(input())).toEqual(buildFunction(input()));
  });
});

describe('what is found on a cluster', () => {
  const applied = stored(buildFunction(input()));

  it('is as applied, in whatever order the server keeps revisions', () => {
    expect(isAsApplied(applied)).toBe(true);
    expect(isAsApplied({ ...applied, spec: { ...applied.spec, revisions: [...applied.spec.revisions].reverse() } })).toBe(true);
    expect(isInPlace(buildFunction(input()), applied)).toBe(true);
  });

  it('may carry what others put there', () => {
    const foreign = { ...applied, metadata: { ...applied.metadata, labels: { ...applied.metadata.labels, 'team.example/note': 'x' }, annotations: { ...applied.metadata.annotations, other: 'y' } } };
    expect(isAsApplied(foreign)).toBe(true);
  });

  it.each<[string, (fn: FunctionResource) => void]>([
    ['its scaling', (fn) => { fn.spec.scaling.max = 50; }],
    ['a revision\'s image', (fn) => { fn.spec.revisions[0]!.image = 'registry.example/other'; }],
    ['its revisions', (fn) => { fn.spec.revisions.pop(); }],
    ['who may call it', (fn) => { fn.spec.authentication = 'none'; }],
    ['its labels', (fn) => { fn.metadata.labels!['fnplane.dev/tenant-id'] = 'x'; }],
    ['its hash', (fn) => { fn.metadata.annotations![ANNOTATION.inputHash] = 'x'; }],
    ['all annotations', (fn) => { delete fn.metadata.annotations; }],
  ])('is not as applied when somebody changed %s', (_, change) => {
    const changed = stored(buildFunction(input()));
    change(changed);
    expect(isAsApplied(changed)).toBe(false);
    expect(isInPlace(buildFunction(input()), changed)).toBe(false);
  });

  it('is not in place when something else is wanted, it is going, or is not there', () => {
    expect(isInPlace(buildFunction(input({ suspension: 'ingress' })), applied)).toBe(false);
    expect(isInPlace(buildFunction(input()), { ...applied, metadata: { ...applied.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } })).toBe(false);
    expect(isInPlace(buildFunction(input()), undefined)).toBe(false);
  });
});
