/** Kind of the job that runs one; its key is `<tenant id>/<id>`. */
export const ASYNC_INVOCATION_JOB = 'async-invocation';

export const ASYNC_STATES = ['queued', 'running', 'succeeded', 'failed'] as const;
export type AsyncState = (typeof ASYNC_STATES)[number];

/** Where one comes from: a caller, a due time of a cron trigger, or somebody who asked a trigger to run now. */
export const ASYNC_SOURCES = ['api', 'cron', 'manual'] as const;
export type AsyncSource = (typeof ASYNC_SOURCES)[number];

/** A trigger by what of it outlives it. */
export interface SourceTrigger {
  id: string;
  name: string;
}

/** What the function answered, as it is kept. */
export interface KeptResult {
  contentType: string | undefined;
  contentEncoding: string | undefined;
  /** Absent where it was too large to be kept. */
  body: Buffer | undefined;
}

/** Largest body that is taken, and largest answer that is kept. */
export const MOST_BODY_BYTES = 1024 * 1024;
export const MOST_RESULT_BYTES = 256 * 1024;
