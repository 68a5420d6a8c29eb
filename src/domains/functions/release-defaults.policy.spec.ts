import { describe, expect, it } from 'vitest';
import type { EffectiveScaling, ScalingBody } from './function-body.js';
import { DEFAULT_STEPS, effectiveRollout, effectiveScaling, effectiveSettings, effectiveTraffic } from './release-defaults.policy.js';

const REST = { burst: 10, scaleDownDelaySeconds: 60, idleTimeoutSeconds: 300 };

describe('effectiveScaling', () => {
  it.each<[ScalingBody | undefined, number, Partial<EffectiveScaling>]>([
    [undefined, 0, { min: 1, max: 1 }],
    [{}, 5, { min: 1, max: 1 }],
    [{ min: 3 }, 0, { min: 3, max: 3 }],
    [{ min: 0 }, 0, { min: 0, max: 1 }],
    [{ min: 0, max: 1 }, 0, { min: 0, max: 1 }],
    [{ max: 4 }, 0, { min: 1, max: 4, metric: 'concurrency', target: 10 }],
    [{ max: 4 }, 3, { min: 1, max: 4, metric: 'concurrency', target: 3 }],
    [{ min: 0, max: 2 }, 0, { min: 0, max: 2, metric: 'concurrency', target: 10 }],
    [{ min: 2, max: 10, metric: 'requests' }, 3, { min: 2, max: 10, metric: 'requests', target: 100 }],
    [{ max: 2, metric: 'cpu' }, 0, { min: 1, max: 2, metric: 'cpu', target: 80 }],
    [{ max: 2, metric: 'cpu', target: 50 }, 0, { min: 1, max: 2, metric: 'cpu', target: 50 }],
    [{ min: 0, metric: 'kafka-lag', kafka: { brokers: ['k:9092'], topic: 't', consumerGroup: 'g', secret: 's', tls: true } }, 0, {
      min: 0, max: 1, metric: 'kafka-lag', target: 100, kafka: { brokers: ['k:9092'], topic: 't', consumerGroup: 'g', startPosition: 'earliest', tls: true, secret: 's' },
    }],
    [{ maxLifetimeSeconds: 600, burst: 1, scaleDownDelaySeconds: 0, idleTimeoutSeconds: 5 }, 0, { min: 1, max: 1, maxLifetimeSeconds: 600, burst: 1, scaleDownDelaySeconds: 0, idleTimeoutSeconds: 5 }],
  ])('of %j with concurrency %i is %j', (given, concurrency, effective) => {
    expect(effectiveScaling(given, concurrency)).toEqual({ ...REST, ...effective });
  });
});

describe('effectiveTraffic', () => {
  it('lets all follow the rollout unless rules say otherwise', () => {
    expect(effectiveTraffic()).toEqual([{ percent: 100 }]);
    expect(effectiveTraffic([])).toEqual([{ percent: 100 }]);
    expect(effectiveTraffic([{ revision: 1, percent: 100 }])).toEqual([{ revision: 1, percent: 100 }]);
  });
});

describe('effectiveRollout', () => {
  it.each([
    [undefined, { strategy: 'all-at-once' }],
    [{ strategy: 'canary' as const }, { strategy: 'canary', steps: DEFAULT_STEPS }],
    [{ strategy: 'canary' as const, steps: [] }, { strategy: 'canary', steps: DEFAULT_STEPS }],
    [{ strategy: 'canary' as const, steps: [{ setWeight: 5 }] }, { strategy: 'canary', steps: [{ setWeight: 5 }] }],
    [{ strategy: 'blue-green' as const, autoPromoteSeconds: 0 }, { strategy: 'blue-green', autoPromoteSeconds: 0 }],
    [{ strategy: 'blue-green' as const, analysis: { maxErrorPercent: 5 } }, { strategy: 'blue-green', analysis: { maxErrorPercent: 5, windowSeconds: 60, minRequests: 20 } }],
  ])('of %j is %j', (given, effective) => {
    expect(effectiveRollout(given)).toEqual(effective);
  });
});

it('settings follow the concurrency of the revision that is asked for', () => {
  expect(effectiveSettings({ scaling: { max: 2 } }, 7)).toMatchObject({ scaling: { target: 7 }, traffic: [{ percent: 100 }], rollout: { strategy: 'all-at-once' } });
});
