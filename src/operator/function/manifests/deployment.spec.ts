import { describe, expect, test } from 'vitest';
import { withInputHash } from '../../../platform/kubernetes/drift.js';
import { functionOf, IMAGE } from '../testing/observed.js';
import { revision } from '../testing/test-tenant.js';
import { buildDeployment, templateHash } from './deployment.js';

const build = (more = {}) => buildDeployment(functionOf(), revision(4, IMAGE, more), 2);
const container = (more = {}) => build(more).spec?.template.spec?.containers[0];

test('is the Function\'s child, found by its labels', () => {
  const { metadata, spec } = build();
  expect(metadata).toMatchObject({ name: 'shop-r00004', namespace: 'fnp-team' });
  expect(metadata.ownerReferences).toEqual([{ apiVersion: 'fnplane.dev/v1', kind: 'Function', name: 'shop', uid: 'fn-uid', controller: true, blockOwnerDeletion: true }]);
  expect(spec?.template.metadata?.labels).toEqual({
    'app.kubernetes.io/managed-by': 'fnplane', 'fnplane.dev/tenant-id': functionOf().spec.tenantId, 'fnplane.dev/function': 'shop',
    'fnplane.dev/function-id': functionOf().spec.functionId, 'fnplane.dev/revision': '4',
  });
  expect(spec?.template.metadata?.labels).toMatchObject(spec?.selector.matchLabels ?? { missing: '' });
});

test('meets Pod Security restricted, has no token and a bounded disk', () => {
  const pod = build().spec?.template.spec;
  expect(pod).toMatchObject({
    serviceAccountName: 'fnplane-function', automountServiceAccountToken: false, enableServiceLinks: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
    volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '32Mi' } }],
  });
  expect(container()?.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
});

test('sizes are request and limit alike', () => {
  const { resources } = container({ resources: { cpuMillis: 2_000, memoryMb: 1_024, ephemeralStorageMb: 100 } }) ?? {};
  expect(resources?.limits).toEqual({ cpu: '2', memory: '1Gi', 'ephemeral-storage': '100Mi' });
  expect(resources?.requests).toEqual(resources?.limits);
});

test('the contract\'s environment stands beside the tenant\'s', () => {
  const made = container({ configMap: 'shop-c', secret: 'shop-s', timeoutSeconds: 7, concurrency: 3, handler: 'app.main' });
  expect(Object.fromEntries(made?.env?.map(({ name, value }) => [name, value]) ?? [])).toEqual({
    PORT: '8080', FNPLANE_TENANT: 'acme', FNPLANE_FUNCTION: 'shop', FNPLANE_REVISION: '4', FNPLANE_HANDLER: 'app.main', FNPLANE_TIMEOUT_MS: '7000', FNPLANE_CONCURRENCY: '3',
  });
  expect(made?.envFrom).toEqual([{ configMapRef: { name: 'shop-c' } }, { secretRef: { name: 'shop-s' } }]);
});

describe('secrets as files', () => {
  const files = [{ name: 'db', secret: 'shop-files-1' }, { name: 'api-keys', secret: 'shop-files-2' }];

  test('are folders of their own that only the function can read, and nobody can write', () => {
    const pod = build({ secretFiles: files }).spec?.template.spec;
    expect(pod?.volumes?.slice(1)).toEqual([
      { name: 'secret-0', secret: { secretName: 'shop-files-1', defaultMode: 0o440 } }, { name: 'secret-1', secret: { secretName: 'shop-files-2', defaultMode: 0o440 } },
    ]);
    expect(pod?.securityContext?.fsGroup).toBe(pod?.securityContext?.runAsGroup);
    expect(pod?.containers[0]?.volumeMounts?.slice(1)).toEqual([
      { name: 'secret-0', mountPath: '/var/run/secrets/fnplane/db', readOnly: true }, { name: 'secret-1', mountPath: '/var/run/secrets/fnplane/api-keys', readOnly: true },
    ]);
    expect(pod?.containers[0]?.envFrom).toEqual([]);
  });

  test('make new pods when their objects are others, and none when a live one has a new value or misses one', () => {
    const base = templateHash(build({ secretFiles: files, secretDelivery: { as: 'files', updates: 'live' } }));
    expect(templateHash(build({ secretFiles: [files[0], { name: 'api-keys', secret: 'shop-files-3' }] }))).not.toBe(base);
    expect(templateHash(build({ secretFiles: files, missingValues: ['db/PASSWORD'] }))).toBe(base);
  });

  test('leave the pods of functions without them as they were', () => {
    expect(templateHash(build({ secretFiles: [], secretDelivery: { as: 'environment', updates: 'rolling' } }))).toBe(templateHash(build()));
  });
});

test('a roll-out takes no ready pod away, and a failed start shows its log', () => {
  expect(build().spec?.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
  expect(container()?.terminationMessagePolicy).toBe('FallbackToLogsOnError');
  expect(container()?.readinessProbe).toMatchObject({ httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 });
});

test('the pods\' hash follows what they are made of, not their number', () => {
  const base = templateHash(build());
  expect(templateHash(buildDeployment(functionOf(), revision(4, IMAGE), 9))).toBe(base);
  expect(templateHash(build({ secret: 'new' }))).not.toBe(base);
  expect(withInputHash(build()).metadata.annotations).not.toEqual(withInputHash(build({ secret: 'new' })).metadata.annotations);
});
