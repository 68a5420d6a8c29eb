import {
  DEFAULT_BURST, DEFAULT_IDLE_TIMEOUT_SECONDS, DEFAULT_SCALE_DOWN_DELAY_SECONDS, type KafkaSource, type RolloutStep, type ScalingMetric, type TrafficRule,
} from '../../contract/function-resource.js';
import type { EffectiveRollout, EffectiveScaling, RolloutBody, ScalingBody, SettingsBody } from './function-body.js';

/** What one pod shall bear where only the metric is given. A `concurrency` of the revision is its own target. */
export const DEFAULT_TARGETS: Readonly<Record<ScalingMetric, number>> = { concurrency: 10, requests: 100, cpu: 80, 'kafka-lag': 100 };
/** A canary that names no steps. */
export const DEFAULT_STEPS: readonly RolloutStep[] = [{ setWeight: 20 }, { pause: { seconds: 60 } }, { setWeight: 50 }, { pause: { seconds: 120 } }];
export const DEFAULT_ANALYSIS = { windowSeconds: 60, minRequests: 20 } as const;

/** What is in force of a function's own settings. */
export interface EffectiveSettings {
  scaling: EffectiveScaling;
  traffic: TrafficRule[];
  rollout: EffectiveRollout;
}

/** @param concurrency of the revision that is asked for: 0 means no limit */
export function effectiveSettings(settings: SettingsBody, concurrency: number): EffectiveSettings {
  return { scaling: effectiveScaling(settings.scaling, concurrency, settings.placement?.clusters), traffic: effectiveTraffic(settings.traffic), rollout: effectiveRollout(settings.rollout) };
}

/**
 * Room for more pods than always run is room for load: without a metric it is the requests in flight.
 * @param clusters on so many at once: unless it sleeps, each of them needs a pod
 */
export function effectiveScaling(scaling: ScalingBody = {}, concurrency = 0, clusters = 1): EffectiveScaling {
  const min = scaling.min === 0 ? 0 : Math.max(scaling.min ?? 1, clusters);
  const floor = Math.max(1, min, clusters);
  const max = scaling.max ?? floor;
  const metric = scaling.metric ?? (max > floor ? 'concurrency' : undefined);
  return {
    min, max,
    ...(metric === undefined ? {} : { metric, target: scaling.target ?? defaultTarget(metric, concurrency) }),
    ...(scaling.kafka === undefined ? {} : { kafka: effectiveKafka(scaling.kafka) }),
    burst: scaling.burst ?? DEFAULT_BURST,
    scaleDownDelaySeconds: scaling.scaleDownDelaySeconds ?? DEFAULT_SCALE_DOWN_DELAY_SECONDS,
    idleTimeoutSeconds: scaling.idleTimeoutSeconds ?? DEFAULT_IDLE_TIMEOUT_SECONDS,
    ...(scaling.maxLifetimeSeconds === undefined ? {} : { maxLifetimeSeconds: scaling.maxLifetimeSeconds }),
  };
}

function effectiveKafka({ brokers = [], topic = '', consumerGroup = '', startPosition = 'earliest', tls = false, sasl, secret }: Partial<KafkaSource>): KafkaSource {
  return { brokers: [...brokers], topic, consumerGroup, startPosition, tls, ...(sasl === undefined ? {} : { sasl }), ...(secret === undefined ? {} : { secret }) };
}

function defaultTarget(metric: ScalingMetric, concurrency: number): number {
  if (metric === 'concurrency' && concurrency > 0) return concurrency;
  return DEFAULT_TARGETS[metric];
}

export function effectiveTraffic(traffic: readonly TrafficRule[] = []): TrafficRule[] {
  return traffic.length === 0 ? [{ percent: 100 }] : traffic.map((rule) => ({ ...rule }));
}

export function effectiveRollout(rollout: RolloutBody = {}): EffectiveRollout {
  const { strategy = 'all-at-once', steps, autoPromoteSeconds, analysis } = rollout;
  return {
    strategy,
    ...(strategy === 'canary' ? { steps: [...(steps && steps.length > 0 ? steps : DEFAULT_STEPS)] } : {}),
    ...(autoPromoteSeconds === undefined ? {} : { autoPromoteSeconds }),
    ...(analysis === undefined ? {} : { analysis: { ...DEFAULT_ANALYSIS, ...analysis } }),
  };
}
