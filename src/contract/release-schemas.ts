import { integer, MAX_GENERATION, MAX_REVISION, objectOf, oneOf, text, type Schema } from './crd-schema.js';
import {
  KAFKA_START_POSITIONS, MOST_BROKERS, MOST_ROLLOUT_STEPS, MOST_TRAFFIC_RULES, ROLLOUT_ENGINES, ROLLOUT_PHASES, ROLLOUT_STRATEGIES, SASL_MECHANISMS, SCALING_METRICS,
  type KafkaSource, type RevisionStatus, type RolloutAnalysis, type RolloutSpec, type RolloutStatus, type RolloutStep, type ScaleStatus, type ScalingSpec, type TrafficRule, type TrafficShare,
} from './function-resource.js';

/** RE2 has no look-ahead: `---` in a tag is refused by the control plane alone. */
const TAG = '^[a-z]([-a-z0-9]{0,18}[a-z0-9])?$';
const TIME: Schema = { type: 'string', format: 'date-time' };
const MOST_REVISIONS = 16;

function kafkaSchema(): Schema {
  return objectOf<KafkaSource>({
    brokers: { type: 'array', minItems: 1, maxItems: MOST_BROKERS, items: { type: 'string', maxLength: 300 }, 'x-kubernetes-list-type': 'atomic', description: 'host:port each.' },
    topic: text('^[a-zA-Z0-9._-]{1,249}$', 249, 'Topic.'),
    consumerGroup: { type: 'string', minLength: 1, maxLength: 255, description: 'Consumer group.' },
    startPosition: oneOf(KAFKA_START_POSITIONS, 'Where it begins in a partition that it has committed nothing of.'),
    tls: { type: 'boolean', description: 'Whether brokers are reached by TLS.' },
    sasl: oneOf(SASL_MECHANISMS, 'How it signs in.'),
    secret: text('^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$', 253, 'Secret with KAFKA_USERNAME, KAFKA_PASSWORD, KAFKA_CA, KAFKA_CERTIFICATE and KAFKA_KEY, as far as they are needed.'),
  }, ['brokers', 'topic', 'consumerGroup']);
}

export function scalingSchema(): Schema {
  return objectOf<ScalingSpec>({
    min: integer(0, 1_000, 'Pods kept ready; 0: stopped while idle.'),
    max: integer(1, 1_000, 'Most pods.'),
    metric: oneOf(SCALING_METRICS, 'What the number of pods follows.'),
    target: integer(1, 1_000_000, 'What one pod shall bear of it on average.'),
    kafka: kafkaSchema(),
    burst: integer(1, 1_000, 'Most pods added within 15 s.'),
    scaleDownDelaySeconds: integer(0, 3_600, 'How long less load must last before pods are taken away.'),
    idleTimeoutSeconds: integer(1, 86_400, 'With min 0: the last pod goes when no request came for so long.'),
    maxLifetimeSeconds: integer(1, 31_536_000, 'Each pod is ended at this age.'),
  }, ['min', 'max'], {
    'x-kubernetes-validations': [
      { rule: 'self.min <= self.max', message: 'scaling.min must not exceed scaling.max' },
      { rule: 'has(self.metric) == has(self.target)', message: 'scaling.metric and scaling.target go together' },
      { rule: 'has(self.kafka) == (has(self.metric) && self.metric == "kafka-lag")', message: 'scaling.kafka and the metric kafka-lag go together' },
    ],
  });
}

export function trafficRulesSchema(): Schema {
  return {
    type: 'array', maxItems: MOST_TRAFFIC_RULES, 'x-kubernetes-list-type': 'atomic', description: 'Shares of the requests; absent: all follow the rollout.',
    items: objectOf<TrafficRule>({
      revision: integer(1, MAX_REVISION, 'Absent: as the rollout says.'),
      percent: integer(0, 100, 'Share of the requests.'),
      tag: text(TAG, 20, 'Address of its own: <tag>---<function>.'),
    }, ['percent']),
    'x-kubernetes-validations': [{ rule: 'self.size() == 0 || self.map(t, t.percent).sum() == 100', message: 'the percentages of traffic must sum to 100' }],
  };
}

export function rolloutSchema(): Schema {
  const step = objectOf<RolloutStep>({
    setWeight: integer(0, 100, 'Percent that the target takes from here on.'),
    pause: objectOf<NonNullable<RolloutStep['pause']>>({ seconds: integer(1, 604_800, 'Absent: until its owner resumes.') }, []),
  }, [], { 'x-kubernetes-validations': [{ rule: 'has(self.setWeight) != has(self.pause)', message: 'a step is either setWeight or pause' }] });
  return objectOf<RolloutSpec>({
    strategy: oneOf(ROLLOUT_STRATEGIES, 'How the target gets the traffic.'),
    steps: { type: 'array', maxItems: MOST_ROLLOUT_STEPS, items: step, 'x-kubernetes-list-type': 'atomic', description: 'Of a canary.' },
    autoPromoteSeconds: integer(0, 604_800, 'Blue-green: promoted by itself so long after it is ready.'),
    analysis: objectOf<RolloutAnalysis>({
      maxErrorPercent: integer(0, 100, 'Percent of answers that are 5xx.'),
      maxLatencyMs: integer(1, 86_400_000, '95th percentile of the function\'s own time.'),
      windowSeconds: integer(5, 3_600, 'Length of the sliding window.'),
      minRequests: integer(1, 1_000_000, 'Fewer requests in the window say nothing.'),
    }, ['windowSeconds', 'minRequests']),
    engine: oneOf(ROLLOUT_ENGINES, 'Who moves the traffic on this cluster.'),
    attempt: integer(0, MAX_REVISION, 'Grows when the same target is tried again, and with each target.'),
    paused: { type: 'boolean', description: 'Its owner holds it where it is.' },
    resumedStep: integer(0, MOST_ROLLOUT_STEPS, 'Pauses at steps below this index are over.'),
    promoted: { type: 'boolean', description: 'Its owner wants all that is left skipped.' },
    aborted: { type: 'boolean', description: 'Its owner ended it.' },
  }, ['strategy', 'attempt']);
}

export function trafficSharesSchema(): Schema {
  return {
    type: 'array', maxItems: MOST_REVISIONS, 'x-kubernetes-list-type': 'atomic', description: 'What gateways follow.',
    items: objectOf<TrafficShare>({
      revision: integer(1, MAX_REVISION, 'Revision.'), percent: integer(0, 100, 'Its share of the requests.'), tag: text(TAG, 20, 'Its address of its own.'),
    }, ['revision', 'percent']),
  };
}

export function revisionStatusSchema(): Schema {
  return {
    type: 'array', maxItems: MOST_REVISIONS, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['number'], description: 'Pods of each revision that has any.',
    items: objectOf<RevisionStatus>({
      number: integer(1, MAX_REVISION, 'Revision.'), replicas: integer(0, 100_000, 'Pods wanted.'), readyReplicas: integer(0, 100_000, 'Pods ready.'),
    }, ['number', 'replicas', 'readyReplicas']),
  };
}

export function rolloutStatusSchema(): Schema {
  return objectOf<RolloutStatus>({
    revision: integer(1, MAX_REVISION, 'The target it speaks of.'),
    attempt: integer(0, MAX_REVISION, 'Which try.'),
    stable: integer(1, MAX_REVISION, 'Revision that has the rest of the traffic.'),
    phase: oneOf(ROLLOUT_PHASES, 'How far it is.'),
    step: integer(0, MOST_ROLLOUT_STEPS, 'Index of the step under way.'),
    weight: integer(0, 100, 'Percent that the target has.'),
    stepStartedAt: { ...TIME, description: 'When this step began.' },
    message: { type: 'string', maxLength: 4_096, description: 'Why it is paused or was aborted.' },
  }, ['revision', 'attempt', 'phase', 'step', 'weight']);
}

export function scaleStatusSchema(): Schema {
  return objectOf<ScaleStatus>({
    active: { type: 'boolean', description: 'Whether pods run at all.' },
    since: { ...TIME, description: 'When that last changed.' },
    current: integer(0, MAX_GENERATION, 'The metric that the number of pods follows, as it was told last.'),
  }, ['active', 'since']);
}
