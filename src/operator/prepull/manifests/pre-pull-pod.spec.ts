import { expect, test } from 'vitest';
import { LABEL } from '../../../contract/names.js';
import { buildPrePullPod, type PullOwner } from './pre-pull-pod.js';

const OWNER: PullOwner = { namespace: 'fnp-team', tenantId: 'team', reference: { apiVersion: 'fnplane.dev/v1', kind: 'Function', name: 'shop', uid: 'uid', controller: true, blockOwnerDeletion: true } };
const IMAGE = `registry.test/team/shop@sha256:${'a'.repeat(64)}`;

test('runs nothing of the image, at the level of functions\' own pods', () => {
  const { metadata, spec } = buildPrePullPod(OWNER, IMAGE, 'node-1');
  const [container] = spec?.containers ?? [];
  const folder = container?.volumeMounts?.[0];
  expect(container?.command?.[0]?.startsWith(`${folder?.mountPath}/`)).toBe(true);
  expect(spec?.volumes).toEqual([{ name: folder?.name, emptyDir: { sizeLimit: '1Mi' } }]);
  expect(spec).toMatchObject({ restartPolicy: 'Never', activeDeadlineSeconds: 300, automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } });
  expect(container?.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
  expect(container?.resources?.limits).toEqual(container?.resources?.requests);
  // No Service, no policy and no meter takes it for a function's.
  expect(metadata.labels).not.toHaveProperty([LABEL.functionId]);
  expect([metadata.namespace, metadata.ownerReferences]).toEqual(['fnp-team', [OWNER.reference]]);
});

test('one wish is one pod', () => {
  const nameOf = (image: string, node: string): string => buildPrePullPod(OWNER, image, node).metadata.name;
  expect(nameOf(IMAGE, 'a')).toBe(nameOf(IMAGE, 'a'));
  expect(new Set([nameOf(IMAGE, 'a'), nameOf(IMAGE, 'b'), nameOf(`${IMAGE}1`, 'a')]).size).toBe(3);
});
