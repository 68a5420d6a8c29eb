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
