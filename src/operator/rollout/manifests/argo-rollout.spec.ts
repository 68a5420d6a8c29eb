import { describe, expect, test } from 'vitest';
import type { RolloutSpec } from '../../../contract/function-resource.js';
import { buildDeployment } from '../../function/manifests/deployment.js';
import { functionOf, IMAGE } from '../../function/testing/observed.js';
import { revision } from '../../function/testing/test-tenant.js';
import { buildArgoRollout } from './argo-rollout.js';

const target = revision(2, IMAGE);
const fn = (rollout: Partial<RolloutSpec> = {}) => functionOf({ target: 2, revisions: [revision(1, IMAGE), target], rollout: { strategy: 'canary', attempt: 1, engine: 'argo', ...rollout } });
const strategyOf = (rollout: Partial<RolloutSpec>) => buildArgoRollout(fn(rollout), target, 5).spec.strategy;

test('20 % for a minute, 50 % for two, with five pods and three revisions kept', () => {
  const { metadata, spec } = buildArgoRollout(fn({ steps: [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: { seconds: 120 } }] }), target, 5);
  expect(metadata).toMatchObject({ name: 'shop', namespace: 'fnp-team', ownerReferences: [{ uid: 'fn-uid', controller: true }] });
  expect(spec).toMatchObject({
    replicas: 5, revisionHistoryLimit: 3,
    strategy: { canary: { maxSurge: 1, maxUnavailable: 0, steps: [{ setWeight: 20 }, { pause: { duration: '60s' } }, { setWeight: 50 }, { pause: { duration: '120s' } }] } },
  });
});

test('its pods are those of the operator\'s own workloads, and one selector finds every revision\'s', () => {
  const { selector, template } = buildArgoRollout(fn(), target, 1).spec;
  expect(template).toEqual(buildDeployment(fn(), target, 1).spec?.template);
  expect(template.metadata?.labels).toMatchObject(selector.matchLabels);
  expect(buildArgoRollout(fn(), revision(1, IMAGE), 1).spec.selector).toEqual(selector);
});

describe('strategies', () => {
  test.each<[string, Partial<RolloutSpec>, object]>([
    ['a pause without an end', { steps: [{ setWeight: 5 }, { pause: {} }] }, { canary: { steps: [{ setWeight: 5 }, { pause: {} }] } }],
    ['all at once has no steps', { strategy: 'all-at-once', steps: [{ setWeight: 5 }] }, { canary: { steps: [] } }],
    ['blue-green waits for its owner', { strategy: 'blue-green' }, { blueGreen: { activeService: 'shop', previewService: 'shop---r00002', scaleDownDelaySeconds: 30, autoPromotionEnabled: false } }],
  ])('%s', (_what, rollout, expected) => {
    expect(strategyOf(rollout)).toMatchObject(expected);
  });

  test('blue-green with a time of its own names no other switch, or that would win', () => {
    expect(strategyOf({ strategy: 'blue-green', autoPromoteSeconds: 45 })).toEqual({ blueGreen: { activeService: 'shop', previewService: 'shop---r00002', scaleDownDelaySeconds: 30, autoPromotionSeconds: 45 } });
  });

  test('what its owner says meanwhile changes no step: Argo would begin anew', () => {
    const steps = [{ setWeight: 20 }, { pause: {} }];
    expect(strategyOf({ steps, resumedStep: 2, promoted: true })).toEqual(strategyOf({ steps }));
  });
});

test('held it is paused; an autoscaler\'s number of pods is not named', () => {
  expect(buildArgoRollout(fn({ paused: true }), target, undefined).spec).toMatchObject({ paused: true });
  expect(buildArgoRollout(fn(), target, undefined).spec).not.toHaveProperty('replicas');
});
