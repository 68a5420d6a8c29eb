import type { ConditionReason } from '../../contract/function-resource.js';

/** What is known of one function's load. */
export interface FunctionLoadView {
  /** Unix time in ms of the last moment it was seen to have a request; never before the moment the watching began. */
  lastActiveAt: number;
  /** Requests a second over the last moments; undefined while too little has been seen. */
  perSecond: number | undefined;
  /** Requests being run, on average over the last moments. */
  concurrency: number;
  /** Requests that wait in gateways for a pod. */
  waiting: number;
  /** Messages that wait in Kafka; undefined where that is not looked at, or not known. */
  lag?: number | undefined;
  /** Whether every source that could have seen a request was heard lately: without that, silence says nothing. */
  complete: boolean;
}

/** What one pod bears. */
export interface PodLoad {
  perSecond: number | undefined;
  concurrency: number | undefined;
  /** Unix time in ms of the last sample, and over how many seconds it is an average. */
  at: number;
  windowSeconds: number;
}

/** Why something that shall be followed cannot be. */
export interface MetricProblem {
  reason: ConditionReason;
  /** For the function's owner. */
  message: string;
}

/** What is known of the messages that wait for one function. */
export interface LagView {
  /** In all partitions together; undefined while it could not be read lately. */
  lag: number | undefined;
  partitions: number;
  /** Unix time in ms of the last moment at which any were seen to wait; never before the moment the watching began. */
  lastLaggedAt: number;
  problem: MetricProblem | undefined;
}

/** One view of both: what waits in Kafka keeps a function busy as requests do, and not knowing it is not silence. */
export function withLag(load: FunctionLoadView | undefined, lag: LagView | undefined): FunctionLoadView | undefined {
  if (!load || !lag) return load;
  return { ...load, lag: lag.lag, lastActiveAt: Math.max(load.lastActiveAt, lag.lastLaggedAt), complete: load.complete && lag.lag !== undefined };
}
