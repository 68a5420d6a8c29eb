import { InputType, ObjectType } from '@nestjs/graphql';
import {
  DEFAULT_BURST, DEFAULT_IDLE_TIMEOUT_SECONDS, DEFAULT_SCALE_DOWN_DELAY_SECONDS, KAFKA_START_POSITIONS, MOST_BROKERS, MOST_ROLLOUT_STEPS, MOST_TRAFFIC_RULES, ROLLOUT_STRATEGIES,
  SASL_MECHANISMS, SCALING_METRICS, type KafkaStartPosition, type RolloutStrategy, type SaslMechanism, type ScalingMetric,
} from '../../../contract/function-resource.js';
import { BoolField, EnumField, IntField, ListField, ObjectField, TextField } from '../../../platform/graphql/fields.js';
import { DEFAULT_ANALYSIS, DEFAULT_TARGETS } from '../release-defaults.policy.js';

/** Null means the same as absent everywhere, so that clients may send all the variables they know. */
export const MAYBE = { optional: true, nullable: true } as const;

const METRIC_WORDS = 'What the number of pods follows: requests in flight, requests a second, or percent of the CPU they may use, of each pod; kafka-lag: messages that a consumer group has still to read. When absent, concurrency where max leaves room for more pods than always run.';
const TARGET_WORDS = `What one pod shall bear of the metric on average. When absent: concurrency, the function's concurrency or ${DEFAULT_TARGETS.concurrency}; requests, ${DEFAULT_TARGETS.requests}; cpu, ${DEFAULT_TARGETS.cpu}; kafka-lag, ${DEFAULT_TARGETS['kafka-lag']}, with no more pods than the topic has partitions.`;

const SECRET_WORDS = 'Name of a secret of the tenant with KAFKA_USERNAME and KAFKA_PASSWORD for sasl, KAFKA_CA (PEM) where brokers have certificates of an authority of their own, KAFKA_CERTIFICATE and KAFKA_KEY where they ask for one.';

@InputType('KafkaSourceInput')
@ObjectType('KafkaSource', { description: 'Messages of a topic that a consumer group has still to read.' })
export class KafkaSourceModel {
  @ListField(() => String, { ...MAYBE, max: MOST_BROKERS, description: 'host:port of some of the brokers; they tell of the others. Private addresses only where the platform\'s operators allow them.' }) brokers?: string[];
  @TextField({ ...MAYBE, max: 249 }) topic?: string;
  @TextField({ ...MAYBE, max: 255, description: 'As which the function reads.' }) consumerGroup?: string;
  @EnumField('KafkaStartPosition', KAFKA_START_POSITIONS, { ...MAYBE, description: 'Where the group begins in a partition of which it has committed nothing, earliest when absent.' }) startPosition?: KafkaStartPosition;
  @BoolField({ ...MAYBE, description: 'Whether brokers are reached by TLS, false when absent.' }) tls?: boolean;
  @EnumField('SaslMechanism', SASL_MECHANISMS, { ...MAYBE, description: 'How to sign in to brokers; PLAIN needs tls.' }) sasl?: SaslMechanism;
  @TextField({ ...MAYBE, max: 63, description: SECRET_WORDS }) secret?: string;
}

@InputType('FunctionScalingInput')
@ObjectType('FunctionScaling', { description: 'How many pods run.' })
export class ScalingModel {
  @IntField({ ...MAYBE, min: 0, max: 1_000, description: 'Pods kept ready, 1 when absent; 0: stopped while idle, started by the next request.' }) min?: number;
  @IntField({ ...MAYBE, min: 1, max: 1_000, description: 'Most pods; the quota is held for so many.' }) max?: number;
  @EnumField('ScalingMetric', SCALING_METRICS, { ...MAYBE, description: METRIC_WORDS }) metric?: ScalingMetric;
  @IntField({ ...MAYBE, min: 1, max: 1_000_000, description: TARGET_WORDS }) target?: number;
  @ObjectField(() => KafkaSourceModel, { ...MAYBE, description: 'Which messages count; for the metric kafka-lag.' }) kafka?: KafkaSourceModel;
  @IntField({ ...MAYBE, min: 1, max: 1_000, description: `Most pods added within 15 seconds, ${DEFAULT_BURST} when absent.` }) burst?: number;
  @IntField({ ...MAYBE, min: 0, max: 3_600, description: `How long less load must last before pods are taken away, ${DEFAULT_SCALE_DOWN_DELAY_SECONDS} when absent.` }) scaleDownDelaySeconds?: number;
  @IntField({ ...MAYBE, min: 1, max: 86_400, description: `With min 0: the last pod goes when no request came and no message waited for so long, ${DEFAULT_IDLE_TIMEOUT_SECONDS} when absent.` }) idleTimeoutSeconds?: number;
  @IntField({ ...MAYBE, min: 1, max: 31_536_000, description: 'Each pod is ended at this age, whatever it does; never when absent.' }) maxLifetimeSeconds?: number;
}

/** Of the list of rules. */
export const TRAFFIC = { max: MOST_TRAFFIC_RULES, description: 'Shares of the requests, in percent that sum to 100. When absent, all follow the rollout.' } as const;

@InputType('TrafficRuleInput')
@ObjectType('TrafficRule', { description: 'A share of the requests.' })
export class TrafficRuleModel {
  @IntField({ ...MAYBE, min: 1, max: 1_000_000_000, description: 'Revision that gets it; when absent, the target, as the rollout says: one rule at most.' }) revision?: number;
  @IntField({ min: 0, max: 100, description: '0 with a tag: reached at the tag\'s address alone.' }) percent!: number;
  @TextField({ ...MAYBE, max: 20, description: 'Gives it an address of its own: <tag>---<function> in place of the function\'s name.' }) tag?: string;
}

@InputType('RolloutPauseInput')
@ObjectType('RolloutPause')
export class RolloutPauseModel {
  @IntField({ ...MAYBE, min: 1, max: 604_800, description: 'When absent, until somebody resumes.' }) seconds?: number;
}

@InputType('RolloutStepInput')
@ObjectType('RolloutStep', { description: 'Exactly one of the two.' })
export class RolloutStepModel {
  @IntField({ ...MAYBE, min: 0, max: 100, description: 'Percent that the new revision takes from here on.' }) setWeight?: number;
  @ObjectField(() => RolloutPauseModel, MAYBE) pause?: RolloutPauseModel;
}

@InputType('RolloutAnalysisInput')
@ObjectType('RolloutAnalysis', { description: 'Ends the rollout by itself when requests of the new revision break a bound.' })
export class RolloutAnalysisModel {
  @IntField({ ...MAYBE, min: 0, max: 100, description: 'Most percent of answers that are 5xx.' }) maxErrorPercent?: number;
  @IntField({ ...MAYBE, min: 1, max: 86_400_000, description: 'Longest 95th percentile of the function\'s own time.' }) maxLatencyMs?: number;
  @IntField({ ...MAYBE, min: 5, max: 3_600, description: `Length of the sliding window, ${DEFAULT_ANALYSIS.windowSeconds} when absent.` }) windowSeconds?: number;
  @IntField({ ...MAYBE, min: 1, max: 1_000_000, description: `Fewer requests in the window say nothing, ${DEFAULT_ANALYSIS.minRequests} when absent.` }) minRequests?: number;
}

const STRATEGY_WORDS = 'all-at-once (the default): it takes all as soon as it has the pods; canary: by steps; blue-green: it stands beside, at the tag preview, until it is promoted.';

@InputType('FunctionRolloutInput')
@ObjectType('FunctionRollout', { description: 'How a new revision gets the traffic.' })
export class RolloutModel {
  @EnumField('RolloutStrategy', ROLLOUT_STRATEGIES, { ...MAYBE, description: STRATEGY_WORDS }) strategy?: RolloutStrategy;
  @ListField(() => RolloutStepModel, { ...MAYBE, max: MOST_ROLLOUT_STEPS, description: 'Of a canary. When absent: 20 percent for a minute, 50 percent for two minutes, then all.' }) steps?: RolloutStepModel[];
  @IntField({ ...MAYBE, min: 0, max: 604_800, description: 'Of blue-green: promoted by itself so long after it is ready; when absent, by somebody.' }) autoPromoteSeconds?: number;
  @ObjectField(() => RolloutAnalysisModel, MAYBE) analysis?: RolloutAnalysisModel;
}
