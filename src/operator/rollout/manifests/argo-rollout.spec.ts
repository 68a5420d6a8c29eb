import { describe, expect, test } from 'vitest';
import type { RolloutSpec } from '../../../contract/function-resource.js';
import { buildDeployment } from '../../function/manifests/deployment.js';
import { functionOf, IMAGE } from '../../function/testing/observed.js';
import { revision } from '../../function/testing/test-tenant.js';
import { argoRevision, argoSteps, buildArgoRollout } from './argo-rollout.js';

const target = revision(2, IMAGE);
const HOLD = { replicas: 5, paused: false };
const fn = (rollout: Partial<RolloutSpec> = {}) => functionOf({ target: 2, revisions: [revision(1, IMAGE), target], rollout: { strategy: 'canary', attempt: 1, engine: 'argo', ...rollout } });
const stepsOf = (rollout: Partial<RolloutSpec>) => buildArgoRollout(fn(rollout), target, HOLD).spec.strategy.canary.steps;

test('20 % for a minute, 50 % for two, with five pods and three revisions kept', () => {
  const { metadata, spec } = buildArgoRollout(fn({ steps: [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: { seconds: 120 } }] }), target, HOLD);
  expect(metadata).toMatchObject({ name: 'shop', namespace: 'fnp-team', ownerReferences: [{ uid: 'fn-uid', controller: true }] });
  expect(spec).toMatchObject({
    replicas: 5, revisionHistoryLimit: 3, paused: false,
    strategy: { canary: { maxSurge: 1, maxUnavailable: 0, steps: [{ setWeight: 20 }, { pause: { duration: '60s' } }, { setWeight: 50 }, { pause: { duration: '120s' } }] } },
  });
});

test('its pods are those of the operator\'s own workloads, and one selector finds every revision\'s', () => {
  const rollout = buildArgoRollout(fn(), target, HOLD);
  const { selector, template } = rollout.spec;
  expect(template).toEqual(buildDeployment(fn(), target, 1).spec?.template);
  expect(template.metadata?.labels).toMatchObject(selector.matchLabels);
  expect(argoRevision(rollout)).toBe(2);
  expect(buildArgoRollout(fn(), revision(1, IMAGE), HOLD).spec.selector).toEqual(selector);
});

test('who shares out the requests is somebody else: the revision before keeps all its pods, and no Service is Argo\'s', () => {
  expect(buildArgoRollout(fn(), target, HOLD).spec.strategy).toEqual({ canary: { maxSurge: 1, maxUnavailable: 0, trafficRouting: {}, scaleDownDelaySeconds: 30, abortScaleDownDelaySeconds: 5, steps: [] } });
});

describe('steps', () => {
  test.each<[string, RolloutSpec, object[]]>([
    ['a pause without an end', { strategy: 'canary', attempt: 1, steps: [{ setWeight: 5 }, { pause: {} }] }, [{ setWeight: 5 }, { pause: {} }]],
    ['all at once has none', { strategy: 'all-at-once', attempt: 1, steps: [{ setWeight: 5 }] }, []],
    ['blue-green has all pods and waits for its owner', { strategy: 'blue-green', attempt: 1 }, [{ setCanaryScale: { weight: 100 } }, { pause: {} }]],
    ['blue-green with a time of its own', { strategy: 'blue-green', attempt: 1, autoPromoteSeconds: 45 }, [{ setCanaryScale: { weight: 100 } }, { pause: { duration: '45s' } }]],
  ])('%s', (_what, rollout, expected) => {
    expect(argoSteps(rollout)).toEqual(expected);
  });

  test('what its owner says meanwhile changes none: Argo would begin anew', () => {
    const steps = [{ setWeight: 20 }, { pause: {} }];
    expect(stepsOf({ steps, resumedStep: 2, promoted: true })).toEqual(stepsOf({ steps }));
  });
});

test('held it is paused; an autoscaler\'s number of pods is not named', () => {
  expect(buildArgoRollout(fn(), target, { replicas: 1, paused: true }).spec).toMatchObject({ paused: true });
  const scaled = buildArgoRollout(fn(), target, { replicas: undefined, paused: false });
  expect(scaled.spec).not.toHaveProperty('replicas');
  expect(scaled.metadata.annotations).not.toHaveProperty('fnplane.dev/fixed-replicas');
});
