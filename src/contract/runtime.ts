/** What a function's container and the platform agree on (all runtimes; custom images as far as they wish). */

/** Environment the operator sets in every function pod; tenants cannot set names with the prefix `FNPLANE_` nor `PORT`. */
export const RUNTIME_ENV = {
  port: 'PORT',
  tenant: 'FNPLANE_TENANT',
  function: 'FNPLANE_FUNCTION',
  revision: 'FNPLANE_REVISION',
  /** `<file without ending>.<function>`, e.g. `handler.handle`. */
  handler: 'FNPLANE_HANDLER',
  /** Milliseconds one invocation may take; after it the runtime answers 504 and counts an error. */
  timeoutMs: 'FNPLANE_TIMEOUT_MS',
  /** Requests handled at once, 0 = unlimited; more wait inside the pod. */
  concurrency: 'FNPLANE_CONCURRENCY',
} as const;
export const RESERVED_ENV_PREFIX = 'FNPLANE_';

/** Folder a runtime loads the function's code from; the appended image layer holds it. Go: the binary `/function/handler`. */
export const CODE_FOLDER = '/function';
export const GO_BINARY = 'handler';
export const DEFAULT_HANDLER = 'handler.handle';

/** Secrets that a function wants as files: `<folder>/<secret>/<KEY>`, read-only, in memory only. Part of the function contract. */
export const SECRETS_FOLDER = '/var/run/secrets/fnplane';

/** Request headers, all lower case. A caller's own values for them never pass the gateway. */
export const HEADER = {
  requestId: 'x-request-id',
  /** Unix time in ms at which the caller stops waiting. */
  deadline: 'x-fnplane-deadline',
  /** Of what a cron trigger started: its name, and when it was due (RFC 3339). */
  trigger: 'x-fnplane-trigger',
  dueAt: 'x-fnplane-due-at',
  /** On answers: `<function>@<revision>`. */
  servedBy: 'x-fnplane-served-by',
  /** On error answers of a runtime: `handler` (the tenant's code raised) or `platform`. */
  errorSource: 'x-fnplane-error-source',
} as const;

/**
 * Metric names on a pod's `/metrics`. All counters are monotonic for the life of one process;
 * `function_instance_info{instance="<uuid>"}` is 1 and names that life: a restart makes a new uuid.
 */
export const METRIC = {
  instance: 'function_instance_info',
  requests: 'http_requests_total',
  invocations: 'function_invocations_total',
  duration: 'function_duration_seconds',
  /** Integer ms, each invocation rounded up to a full ms. */
  billedMs: 'function_billed_ms_total',
  requestBytes: 'function_request_bytes_total',
  responseBytes: 'function_response_bytes_total',
  inFlight: 'function_in_flight',
} as const;

/** The billable counters of one process life, as totals since its start. Integers. */
export interface UsageTotals {
  invocations: number;
  billedMs: number;
  requestBytes: number;
  responseBytes: number;
}

/**
 * What a runtime writes to `/dev/termination-log` before it exits after serving: the last totals, so that the
 * meter reads them from the pod's status even though the pod is gone. A start that fails writes nothing there,
 * so that Kubernetes puts the log's last lines in its place (`terminationMessagePolicy: FallbackToLogsOnError`).
 */
export interface TerminationMessage {
  fnplane: 1;
  instance: string;
  totals: UsageTotals;
}

export const TERMINATION_LOG = '/dev/termination-log';

/** Body of an error answer of a runtime: never a stack trace. */
export interface RuntimeError {
  error: { type: string; message: string };
}
