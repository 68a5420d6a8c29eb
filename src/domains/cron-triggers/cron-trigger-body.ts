/** What becomes of a due time while an earlier run has not ended. `replace` takes back those that wait. */
export const CONCURRENCY_POLICIES = ['allow', 'forbid', 'replace'] as const;
export type ConcurrencyPolicy = (typeof CONCURRENCY_POLICIES)[number];

/** What becomes of due times at which no worker ran: none, the last of them, or all within bounds. */
export const MISSED_RUNS = ['skip', 'last', 'all'] as const;
export type MissedRuns = (typeof MISSED_RUNS)[number];

/** A schedule and what the function gets at each due time, as the client sends it. */
export interface CronTriggerSettings {
  schedule: string;
  timeZone?: string;
  concurrencyPolicy?: ConcurrencyPolicy;
  missedRuns?: MissedRuns;
  jitterSeconds?: number;
  suspended?: boolean;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
  bodyBase64?: string;
  maxAttempts?: number;
  maxAgeSeconds?: number;
}

export interface CronTriggerBody extends CronTriggerSettings {
  name: string;
  /** Name of the function that is started. */
  function: string;
}

/** Merge patch of a trigger: null removes. The name cannot be changed. */
export type CronTriggerPatch = { readonly [Field in Exclude<keyof CronTriggerBody, 'name'>]?: unknown };

/** What holds where the client said nothing. */
export type EffectiveSettings = Required<Omit<CronTriggerSettings, 'schedule' | 'headers' | 'body' | 'bodyBase64'>>;
