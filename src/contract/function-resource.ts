import { API_GROUP, API_VERSION } from './names.js';
import type { TriggersSpec } from './triggers.js';

/** Runtimes the platform builds images for; `image` is a container the tenant brings. */
export const RUNTIMES = ['python', 'node', 'go', 'image'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Where a function's billable counters come from: its own `/metrics`, or the gateway for images that serve none. */
export const METERING_SOURCES = ['runtime', 'gateway'] as const;
export type MeteringSource = (typeof METERING_SOURCES)[number];

/** `required`: the gateway asks for a credential with `functions:invoke`; `none`: anyone who reaches the gateway. */
export const AUTHENTICATION_MODES = ['required', 'none'] as const;
export type AuthenticationMode = (typeof AUTHENTICATION_MODES)[number];

/** `compute` scales to nothing and refuses requests; `ingress` keeps pods and refuses requests. */
export const SUSPENSIONS = ['none', 'ingress', 'compute'] as const;
export type Suspension = (typeof SUSPENSIONS)[number];

/** How a function gets its secrets: as variables, as files below `SECRETS_FOLDER`, or both. */
export const SECRET_FORMS = ['environment', 'files', 'both'] as const;
export type SecretForm = (typeof SECRET_FORMS)[number];

/** How a new value reaches pods: `rolling` replaces them one by one; `live` changes the files of those that run. */
export const SECRET_UPDATES = ['rolling', 'live'] as const;
export type SecretUpdates = (typeof SECRET_UPDATES)[number];

export interface SecretDelivery {
  as: SecretForm;
  updates: SecretUpdates;
}

/** One secret's values as files: a folder of its own, one file a value. */
export interface SecretFiles {
  /** Of the platform's secret; names the folder. */
  name: string;
  /** Kubernetes Secret with the values. With rolling updates its name changes with its content, with live ones it stays. */
  secret: string;
}

/** One revision as the operator needs it: immutable but for the configuration and secrets it names, which follow new versions. */
export interface RevisionSpec {
  /** 1, 2, 3...: never reused within a function. */
  number: number;
  runtime: Runtime;
  /** Image by digest: `host/repository@sha256:<64 hex>`. */
  image: string;
  /** `<file>.<function>` for Python and Node; ignored for Go and images. */
  handler: string;
  metering: MeteringSource;
  resources: { cpuMillis: number; memoryMb: number; ephemeralStorageMb: number };
  /** Longest run of one invocation. */
  timeoutSeconds: number;
  /** Requests one pod handles at once; 0 means no limit. */
  concurrency: number;
  /** ConfigMap with the plain environment; its name changes with its content. */
  configMap?: string;
  /** Secret with the secret environment; its name changes with its content. */
  secret?: string;
  /** Absent: environment, rolling. */
  secretDelivery?: SecretDelivery;
  secretFiles?: SecretFiles[];
  /** What its secrets had when it was deployed and have no more: `<secret>/<KEY>`, or `<secret>` alone where that has no values at all. For words to its owner only. */
  missingValues?: string[];
}

/** Most secrets one revision names. */
export const MOST_SECRETS = 20;

export interface FunctionSpec {
  tenant: string;
  tenantId: string;
  functionId: string;
  /** The platform's generation of the function (Postgres), echoed as `status.observedPlatformGeneration`. */
  platformGeneration: number;
  /** The revision that shall take the traffic as soon as it is ready: the newest, or an older one after a rollback. */
  target: number;
  /** `target`, those that `traffic` names, and those that must stay able to serve meanwhile. */
  revisions: RevisionSpec[];
  scaling: ScalingSpec;
  /** Absent: everything follows the rollout. See `trafficOf`. */
  traffic?: TrafficRule[];
  /** Absent: all at once. See `rolloutOf`. */
  rollout?: RolloutSpec;
  /** Absent: its own address alone. */
  triggers?: TriggersSpec;
  authentication: AuthenticationMode;
  suspension: Suspension;
}

/** What the number of pods follows; per pod: requests in flight, requests a second, percent of its CPU, messages not yet read. */
export const SCALING_METRICS = ['concurrency', 'requests', 'cpu', 'kafka-lag'] as const;
export type ScalingMetric = (typeof SCALING_METRICS)[number];

/** Where a consumer group begins in a partition that it has committed nothing of: as its consumers are set up. */
export const KAFKA_START_POSITIONS = ['earliest', 'latest'] as const;
export type KafkaStartPosition = (typeof KAFKA_START_POSITIONS)[number];

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

export const MOST_BROKERS = 10;
export const KAFKA_TOPIC = /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/;

/** The keys of a secret that are for brokers: credentials, authorities to trust and a client certificate, each as PEM. */
export const KAFKA_SECRET_KEYS = ['KAFKA_USERNAME', 'KAFKA_PASSWORD', 'KAFKA_CA', 'KAFKA_CERTIFICATE', 'KAFKA_KEY'] as const;

/** A consumer group's messages of one topic, and the way to the brokers that have them. */
export interface KafkaSource {
  /** `host:port` each: any of them tells of the others. */
  brokers: string[];
  topic: string;
  consumerGroup: string;
  /** Absent: earliest. */
  startPosition?: KafkaStartPosition;
  tls?: boolean;
  sasl?: SaslMechanism;
  /** Has {@link KAFKA_SECRET_KEYS}: to the tenant the name of a secret, on a cluster that of the Kubernetes Secret with it. */
  secret?: string;
}

export interface ScalingSpec {
  /** Pods kept ready; 0: stopped while idle. */
  min: number;
  max: number;
  /** Absent: no scaling by load; `max(1, min)` pods run. */
  metric?: ScalingMetric;
  /** What one pod shall bear of `metric` on average. */
  target?: number;
  /** Of the metric `kafka-lag`: which messages count. */
  kafka?: KafkaSource;
  /** Most pods added within 15 s. Absent: {@link DEFAULT_BURST}. */
  burst?: number;
  /** Less load must last so long before pods are taken away. Absent: {@link DEFAULT_SCALE_DOWN_DELAY_SECONDS}. */
  scaleDownDelaySeconds?: number;
  /** With `min` 0: the last pod goes when no request came for so long. Absent: {@link DEFAULT_IDLE_TIMEOUT_SECONDS}. */
  idleTimeoutSeconds?: number;
  /** Each pod is ended by Kubernetes at this age (`activeDeadlineSeconds`), whatever it does. */
  maxLifetimeSeconds?: number;
}

export const DEFAULT_BURST = 10;
export const DEFAULT_SCALE_DOWN_DELAY_SECONDS = 60;
export const DEFAULT_IDLE_TIMEOUT_SECONDS = 300;

/** Where a share of the requests goes. Those of a function's rules sum to 100. */
export interface TrafficRule {
  /** Absent: the rollout's way: the target, and until it has all of this share the revision before. */
  revision?: number;
  /** 0 with a tag: reached at the tag's address alone. */
  percent: number;
  /** An address of its own: `<tag>---<function>` in place of the function's name. */
  tag?: string;
}

/** `tag---function` stays a DNS label with the longest function name. */
export const TRAFFIC_TAG = /^(?!.*---)[a-z](?:[-a-z0-9]{0,18}[a-z0-9])?$/;
export const MOST_TRAFFIC_RULES = 8;

/** `all-at-once`: the traffic moves when the target has its capacity. `canary`: by steps. `blue-green`: the target stands beside, at tag `preview`, and takes all when it is promoted. */
export const ROLLOUT_STRATEGIES = ['all-at-once', 'canary', 'blue-green'] as const;
export type RolloutStrategy = (typeof ROLLOUT_STRATEGIES)[number];
/** Tag of a blue-green target before it is promoted. */
export const PREVIEW_TAG = 'preview';

/** Exactly one of the two. */
export interface RolloutStep {
  /** Percent of the rollout's share that the target takes from here on. */
  setWeight?: number;
  /** Without seconds: until its owner resumes. */
  pause?: { seconds?: number };
}
export const MOST_ROLLOUT_STEPS = 20;

/** When a rollout is ended by itself: the target's requests, seen over a sliding window, break a bound. */
export interface RolloutAnalysis {
  /** Percent of answers that are 5xx. */
  maxErrorPercent?: number;
  /** 95th percentile of the function's own time. */
  maxLatencyMs?: number;
  windowSeconds: number;
  /** Fewer requests in the window say nothing. */
  minRequests: number;
}

/** Who steps releases on a cluster: the operator itself, or Argo Rollouts, which is installed there. */
export const ROLLOUT_ENGINES = ['operator', 'argo'] as const;
export type RolloutEngine = (typeof ROLLOUT_ENGINES)[number];

/** How the target gets the traffic, and what its owner said meanwhile. All of it belongs to the present target. */
export interface RolloutSpec {
  strategy: RolloutStrategy;
  /** Of a canary. */
  steps?: RolloutStep[];
  /** Blue-green: promoted by itself so long after it is ready. Absent: by its owner. */
  autoPromoteSeconds?: number;
  analysis?: RolloutAnalysis;
  engine?: RolloutEngine;
  /** Grows when the same target is tried again after an abort, and with each target: what was reached before counts no more. */
  attempt: number;
  /** Its owner holds it where it is. */
  paused?: boolean;
  /** Pauses at steps below this index are over by the owner's word. */
  resumedStep?: number;
  /** Its owner wants all that is left skipped. */
  promoted?: boolean;
  /** Its owner ended it: the revision before takes all. */
  aborted?: boolean;
}

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** As Kubernetes defines `metav1.Condition`. */
export interface Condition {
  type: ConditionType;
  status: ConditionStatus;
  /** CamelCase, from {@link REASONS}. */
  reason: ConditionReason;
  /** One or two sentences for the function's owner: what happened and what to do. */
  message: string;
  lastTransitionTime: string;
  observedGeneration?: number;
}

/**
 * `Ready`: the target revision serves with its minimum of pods. `Reconciling`: work is under way or being retried.
 * `Serving`: some revision answers requests (true while a bad deploy leaves the last good one in place).
 * `ScalingActive`: the metric that the number of pods follows can be read; only where there is one.
 */
export const CONDITION_TYPES = ['Ready', 'Reconciling', 'Serving', 'ScalingActive'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

export const REASONS = [
  'Accepted', 'Building', 'BuildFailed', 'Placing', 'PlacementFailed', 'Deploying', 'Ready', 'Suspended', 'Deleting', 'NoRevision',
  'StartupFailed', 'CrashLooping', 'ImagePullFailed', 'ConfigurationMissing', 'CertificateInvalid', 'QuotaRefused', 'Unschedulable', 'OutOfMemory',
  'NotReadyInTime', 'AdmissionRefused', 'ClusterUnreachable', 'RetryingAfterError', 'Settled', 'Idle', 'RollingOut', 'RolloutPaused', 'RolloutAborted', 'RolloutEngineMissing',
  'MetricRead', 'MetricUnavailable', 'BrokerUnreachable', 'BrokerRefused',
] as const;
export type ConditionReason = (typeof REASONS)[number];

/** A resolved share: what gateways follow. Percentages sum to 100; entries of 0 have a tag. */
export interface TrafficShare {
  revision: number;
  percent: number;
  tag?: string;
}

export interface RevisionStatus {
  number: number;
  /** Pods wanted and ready. */
  replicas: number;
  readyReplicas: number;
}

/** `waiting`: the target has not the capacity for its next share yet. `paused`: by a step or its owner. */
export const ROLLOUT_PHASES = ['waiting', 'stepping', 'paused', 'completed', 'aborted'] as const;
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number];

export interface RolloutStatus {
  /** The target it speaks of, and which try. */
  revision: number;
  attempt: number;
  /** Revision that has the rest of the traffic, and all of it after an abort; absent for a first revision. */
  stable?: number;
  phase: RolloutPhase;
  /** Index of the step that is under way; the number of steps when all are done. */
  step: number;
  /** Percent of the rollout's share that the target has. */
  weight: number;
  /** RFC 3339: when this step began, for pauses of a length. */
  stepStartedAt?: string;
  /** Why it is paused or was aborted, for the owner. */
  message?: string;
}

/** Whether pods run at all; gateways and operator go by it from zero and to zero. */
export interface ScaleStatus {
  active: boolean;
  /** RFC 3339: of the last change. A wake annotation that is later wakes. */
  since: string;
  /** The metric that the number of pods follows as it was told last: what one pod bears on average; of kafka-lag, all that wait. Whole; small changes are not told. */
  current?: number;
}

export interface FunctionStatus {
  observedGeneration?: number;
  observedPlatformGeneration?: number;
  /** The revision that receives most requests now; absent while none ever became ready. */
  servingRevision?: number;
  /** Pods of the serving revision: wanted and ready. */
  replicas?: number;
  readyReplicas?: number;
  /** Absent: all to `servingRevision`. */
  traffic?: TrafficShare[];
  revisions?: RevisionStatus[];
  rollout?: RolloutStatus;
  /** Absent: active. */
  scale?: ScaleStatus;
  conditions?: Condition[];
}

/** The custom resource: written by the worker (spec) and the operator (status), read by the gateway. */
export interface FunctionResource {
  apiVersion: `${typeof API_GROUP}/${typeof API_VERSION}`;
  kind: 'Function';
  metadata: {
    name: string;
    namespace: string;
    uid?: string;
    generation?: number;
    resourceVersion?: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    finalizers?: string[];
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  spec: FunctionSpec;
  status?: FunctionStatus;
}

/** Plural in URLs and in `kubectl get functions`. */
export const FUNCTION_PLURAL = 'functions';

/** The rules in force. */
export function trafficOf(spec: FunctionSpec): readonly TrafficRule[] {
  return spec.traffic && spec.traffic.length > 0 ? spec.traffic : FOLLOW_ROLLOUT;
}
const FOLLOW_ROLLOUT: readonly TrafficRule[] = [{ percent: 100 }];

/** The rollout in force. */
export function rolloutOf(spec: FunctionSpec): RolloutSpec {
  return spec.rollout ?? ALL_AT_ONCE;
}
const ALL_AT_ONCE: RolloutSpec = { strategy: 'all-at-once', attempt: 0 };
