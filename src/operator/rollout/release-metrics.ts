/** What a revision answered in a window. */
export interface ReleaseFigures {
  requests: number;
  /** Answers of 5xx. */
  errors: number;
  /** 95th percentile of the function's own time; undefined where it does not measure it. */
  p95Ms: number | undefined;
}

/** Whose figures are kept, while a rollout with analysis is under way. */
export interface FollowedRelease {
  functionId: string;
  namespace: string;
  /** Target and stable revision. */
  revisions: readonly number[];
  /** Another target or attempt begins with empty windows. */
  attempt: string;
  /** Longest window that will be asked for. */
  windowSeconds: number;
}

/** The platform's own figures of revisions. */
export interface ReleaseMetrics {
  /** Idempotent. */
  follow(release: FollowedRelease): void;
  /** Nothing is kept nor asked for any more. */
  unfollow(functionId: string): void;
  /** The last `seconds` before `now` (Unix ms); undefined while nothing is known. */
  window(functionId: string, revision: number, seconds: number, now: number): ReleaseFigures | undefined;
}
