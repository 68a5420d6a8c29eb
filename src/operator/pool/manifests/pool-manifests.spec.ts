import { expect, test } from 'vitest';
import { ANNOTATION, LABEL } from '../../../contract/names.js';
import { POOL_LABEL } from '../../../contract/pool-resource.js';
import { buildDeployment, templateHash } from '../../function/manifests/deployment.js';
import { functionOf, IMAGE } from '../../function/testing/observed.js';
import { revision } from '../../function/testing/test-tenant.js';
import { entryOf, NOW, poolOf, poolPod } from '../testing/pool-objects.js';
import { buildClaimPatch, buildResizePatch, buildServingPatch } from './claim-patches.js';
import { buildPoolNetworkPolicy, buildPoolPod, poolPodHash } from './pool-pod.js';

const pod = buildPoolPod(poolOf(), entryOf(), 'pool-python-1');
const own = buildDeployment(functionOf(), revision(1, IMAGE), 1).spec?.template.spec;

test('a pod that waits is as locked in as a function\'s own', () => {
  const container = pod.spec?.containers[0];
  expect(container?.securityContext).toEqual(own?.containers[0]?.securityContext);
  expect(pod.spec?.securityContext).toEqual(own?.securityContext);
  expect(pod.spec).toMatchObject({ automountServiceAccountToken: false, serviceAccountName: own?.serviceAccountName, enableServiceLinks: false, restartPolicy: 'Never' });
  expect(container?.resources?.requests).toEqual(container?.resources?.limits);
});

test('its token comes from a Secret, its secrets lie in memory', () => {
  expect(pod.spec?.containers[0]?.env?.at(-1)).toEqual({ name: 'FNPLANE_POOL_TOKEN', valueFrom: { secretKeyRef: { name: 'fnplane.pool-tokens', key: 'pool-python-1' } } });
  expect(pod.spec?.volumes?.find(({ name }) => name === 'secrets')?.emptyDir?.medium).toBe('Memory');
});

test('no function\'s Service selects it, and only the data path reaches it', () => {
  expect(Object.keys(pod.metadata.labels ?? {})).not.toContain(LABEL.functionId);
  const policy = buildPoolNetworkPolicy(poolOf());
  expect(policy.spec?.podSelector).toEqual({ matchExpressions: [{ key: POOL_LABEL, operator: 'Exists' }] });
  expect(policy.spec?.ingress).toEqual([{ from: [{ namespaceSelector: { matchExpressions: [{ key: LABEL.dataPath, operator: 'Exists' }] } }], ports: [{ port: 8080, protocol: 'TCP' }] }]);
});

test('its recipe follows the image, not its name nor the pool\'s size', () => {
  expect(poolPodHash(entryOf({ min: 0 }))).toBe(poolPodHash(entryOf()));
  expect(poolPodHash(entryOf({ image: IMAGE }))).not.toBe(poolPodHash(entryOf()));
});

test('each runtime waits in its own way', () => {
  const command = (runtime: 'python' | 'node' | 'go') => buildPoolPod(poolOf(), entryOf({ runtime }), 'x').spec?.containers[0]?.command?.slice(0, 2);
  expect([command('python'), command('node'), command('go')]).toEqual([undefined, ['/usr/bin/node', '--max-old-space-size=256'], ['/opt/fnplane/pool']]);
});

test('a claim succeeds on the version that was seen, and gives the pod to the Function', () => {
  const seen = poolPod();
  expect(buildClaimPatch(seen, functionOf(), NOW)).toEqual({
    metadata: {
      resourceVersion: seen.metadata.resourceVersion, uid: seen.metadata.uid, labels: { 'fnplane.dev/pool': 'claimed' }, annotations: { 'fnplane.dev/claimed-at': '2026-01-01T12:00:00.000Z' },
      ownerReferences: [{ apiVersion: 'fnplane.dev/v1', kind: 'Function', name: 'shop', uid: 'fn-uid', controller: true, blockOwnerDeletion: true }],
    },
  });
});

test('one that serves has the labels of its revision\'s pods, and lives as long as they from now on', () => {
  const deployment = buildDeployment(functionOf(), revision(4, IMAGE), 1);
  const template = deployment.spec?.selector.matchLabels;
  const patch = buildServingPatch(poolPod({ status: { startTime: new Date(NOW - 90_000).toISOString() } as never }), functionOf({ scaling: { min: 0, max: 1, maxLifetimeSeconds: 600 } }), revision(4, IMAGE), NOW);
  // Of the present template, as the Deployment's own pods are: it counts like them.
  expect(patch).toMatchObject({ metadata: { labels: { ...template, [POOL_LABEL]: 'serving', [LABEL.component]: null }, annotations: { [ANNOTATION.inputHash]: templateHash(deployment) } }, spec: { activeDeadlineSeconds: 690 } });
  expect(buildServingPatch(poolPod(), functionOf(), revision(4, IMAGE), NOW)).not.toHaveProperty('spec');
});

test('the size is that of the function\'s own pods, but for the disk, which cannot change', () => {
  const size = { cpu: '100m', memory: '64Mi' };
  expect(buildResizePatch(revision(1, IMAGE))).toEqual({ spec: { containers: [{ name: 'function', resources: { requests: size, limits: size } }] } });
});
