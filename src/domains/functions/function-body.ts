import type {
  AuthenticationMode, FunctionStatus, KafkaSource, MeteringSource, RolloutAnalysis, RolloutSpec, RolloutStep, RolloutStrategy, Runtime, ScalingMetric, ScalingSpec, SecretDelivery, TrafficRule,
} from '../../contract/function-resource.js';
import type { PlacementRule, PlacementState } from '../clusters/placement-states.js';

export interface SourceBody {
  /** SHA-256, hex, of an uploaded archive. */
  archive?: string;
  /** Path -> text. */
  inline?: Record<string, string>;
}

export interface ResourcesBody {
  cpuMillis?: number;
  memoryMb?: number;
  ephemeralStorageMb?: number;
}

export type SecretDeliveryBody = Partial<SecretDelivery>;

export interface ScalingBody {
  min?: number;
  max?: number;
  metric?: ScalingMetric;
  target?: number;
  /** As the client sent it: what must be given may be missing until {@link kafkaProblems} has looked. */
  kafka?: Partial<KafkaSource>;
  burst?: number;
  scaleDownDelaySeconds?: number;
  idleTimeoutSeconds?: number;
  maxLifetimeSeconds?: number;
}

export interface RolloutBody {
  strategy?: RolloutStrategy;
  steps?: RolloutStep[];
  autoPromoteSeconds?: number;
  analysis?: Partial<RolloutAnalysis>;
}

/** What belongs to a revision, as the client sent it: absent stays absent, lists keep their order. */
export interface RevisionBody {
  runtime: Runtime;
  handler?: string;
  source?: SourceBody;
  image?: string;
  environment?: Record<string, string>;
  configs?: string[];
  secrets?: string[];
  secretDelivery?: SecretDeliveryBody;
  resources?: ResourcesBody;
  timeoutSeconds?: number;
  concurrency?: number;
  metering?: MeteringSource;
}

/** What belongs to the function as a whole and needs no new revision, as the client sent it. */
export interface SettingsBody {
  labels?: Record<string, string>;
  scaling?: ScalingBody;
  traffic?: TrafficRule[];
  rollout?: RolloutBody;
  authentication?: AuthenticationMode;
  placement?: PlacementRule;
}

/** A whole function, as REST, GraphQL and Terraform send it. */
export interface FunctionBody extends RevisionBody, SettingsBody {
  name: string;
}

export interface EffectiveRevision {
  runtime: Runtime;
  /** Empty where the runtime has none. */
  handler: string;
  resources: Required<ResourcesBody>;
  timeoutSeconds: number;
  concurrency: number;
  metering: MeteringSource;
  /** Absent of revisions that were deployed before there was a choice: {@link DEFAULT_SECRET_DELIVERY}. */
  secretDelivery?: SecretDelivery;
}

export const DEFAULT_SECRET_DELIVERY: Readonly<SecretDelivery> = { as: 'environment', updates: 'rolling' };

/** With defaults filled in; what is absent is not in force. Its `kafka.secret` is the name of the tenant's secret. */
export type EffectiveScaling = ScalingSpec;

/** How new targets get the traffic, with defaults filled in. */
export type EffectiveRollout = Pick<RolloutSpec, 'strategy' | 'steps' | 'autoPromoteSeconds' | 'analysis'>;

/** What the owner said of the rollout of the present target. */
export interface RolloutState extends Pick<RolloutSpec, 'attempt' | 'paused' | 'resumedStep' | 'promoted' | 'aborted'> {
  /** The target came by a rollback: it takes the traffic all at once, whatever the strategy. */
  immediate?: boolean;
}

/** A cluster that a function is on by its own rule, and how far it is there: as a tenant's placement is, one step within that. */
export interface OwnPlace {
  clusterId: string;
  state: PlacementState;
  /** ISO 8601. */
  since: string;
}

/** What a cluster told of a function's releases and pods last. */
export type ReleaseStatus = Pick<FunctionStatus, 'traffic' | 'revisions' | 'rollout' | 'scale'>;

export const REFERENCE_KINDS = ['config', 'secret', 'code'] as const;
/** Something of the tenant's that a revision uses: a configuration set or a secret by name, code by digest. */
export interface RevisionReference {
  kind: (typeof REFERENCE_KINDS)[number];
  name: string;
}
