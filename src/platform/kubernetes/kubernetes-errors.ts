import { DomainError, type DomainErrorOptions, type ErrorKind } from '../errors/domain-error.js';

export const KUBERNETES_CODES = [
  'KUBERNETES_UNAVAILABLE', // the API server cannot be reached, is overloaded or failed
  'KUBERNETES_TIMEOUT', // no complete answer within the deadline: the request may have been carried out
  'KUBERNETES_CONFLICT', // 409: exists already, or changed since it was read, or a precondition did not hold
  'KUBERNETES_NOT_FOUND', // 404
  'KUBERNETES_EXPIRED', // 410: the resourceVersion or list token is too old; list anew
  'KUBERNETES_REFUSED', // any other 4xx: the same request will be refused again
  'KUBERNETES_CONFIG_INVALID', // the kubeconfig cannot be used
] as const;
export type KubernetesCode = (typeof KUBERNETES_CODES)[number];

/** What every failed call to a cluster throws. `message` holds the API server's own words; `details.status` the HTTP status. */
export class KubernetesError extends DomainError<KubernetesCode> {
  constructor(kind: ErrorKind, code: KubernetesCode, message: string, options: DomainErrorOptions = {}) {
    super(kind, code, message, options);
    this.name = 'KubernetesError';
  }

  /** The API server's machine-readable reason (`AlreadyExists`, `Conflict`, `Forbidden`, `Invalid`...), where it gave one. */
  get reason(): string | undefined {
    const reason = this.details.reason;
    return typeof reason === 'string' ? reason : undefined;
  }
}

/** `metav1.Status`, as far as it is read. */
interface StatusBody {
  kind?: string;
  message?: string;
  reason?: string;
  code?: number;
  details?: { retryAfterSeconds?: number };
}

const KIND_OF_STATUS: Record<number, { kind: ErrorKind; code: KubernetesCode }> = {
  400: { kind: 'invalid', code: 'KUBERNETES_REFUSED' },
  401: { kind: 'forbidden', code: 'KUBERNETES_REFUSED' },
  403: { kind: 'forbidden', code: 'KUBERNETES_REFUSED' },
  404: { kind: 'not-found', code: 'KUBERNETES_NOT_FOUND' },
  409: { kind: 'conflict', code: 'KUBERNETES_CONFLICT' },
  410: { kind: 'conflict', code: 'KUBERNETES_EXPIRED' },
  413: { kind: 'too-large', code: 'KUBERNETES_REFUSED' },
  422: { kind: 'invalid', code: 'KUBERNETES_REFUSED' },
  429: { kind: 'unavailable', code: 'KUBERNETES_UNAVAILABLE' },
  504: { kind: 'timeout', code: 'KUBERNETES_TIMEOUT' },
};

/** The error of an answer that is not 2xx. `body` is the answer as text: usually a `Status`, for a proxy in between anything. */
export function errorFromStatus(status: number, body: string, retryAfterHeader?: string): KubernetesError {
  const parsed = parseStatus(body);
  // Server-side apply answers 500 to fields the schema does not know and to lists with equal keys: that is no fault of the server.
  const malformed = status === 500 && parsed.message?.startsWith('failed to create typed patch object');
  const known = KIND_OF_STATUS[malformed ? 422 : status] ?? (status >= 500
    ? { kind: 'unavailable' as const, code: 'KUBERNETES_UNAVAILABLE' as const }
    : { kind: 'invalid' as const, code: 'KUBERNETES_REFUSED' as const });
  const seconds = Number(retryAfterHeader ?? parsed.details?.retryAfterSeconds);
  return new KubernetesError(known.kind, known.code, parsed.message?.slice(0, 2_000) || `the API server answered ${status}`, {
    details: { status, ...(parsed.reason ? { reason: parsed.reason } : {}) },
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterSeconds: seconds } : {}),
  });
}

function parseStatus(body: string): StatusBody {
  try {
    const value = JSON.parse(body) as StatusBody | null;
    if (value && typeof value === 'object' && value.kind === 'Status') return value;
  } catch {
    // Not JSON: the plain text of a proxy or of the server's own filters.
  }
  return { message: body.trim().slice(0, 500) };
}

/** The error of a request that got no answer. */
export function errorFromTransport(error: unknown, cluster: string): KubernetesError {
  if (error instanceof KubernetesError) return error;
  const code = (error as { code?: string } | null)?.code ?? '';
  const detail = error instanceof Error ? error.message : String(error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return timeoutError(cluster, error);
  return new KubernetesError('unavailable', 'KUBERNETES_UNAVAILABLE', `cluster ${cluster} cannot be reached: ${detail}`, { cause: error });
}

export function timeoutError(cluster: string, cause?: unknown): KubernetesError {
  return new KubernetesError('timeout', 'KUBERNETES_TIMEOUT', `cluster ${cluster} did not answer in time`, { cause });
}

function hasCode(error: unknown, code: KubernetesCode): boolean {
  return error instanceof KubernetesError && error.code === code;
}

export function isNotFound(error: unknown): boolean {
  return hasCode(error, 'KUBERNETES_NOT_FOUND');
}

export function isConflict(error: unknown): boolean {
  return hasCode(error, 'KUBERNETES_CONFLICT');
}

export function isExpired(error: unknown): boolean {
  return hasCode(error, 'KUBERNETES_EXPIRED');
}

/** Refused for good: sending the same again is useless until somebody changes something. */
export function isRefused(error: unknown): error is KubernetesError {
  return hasCode(error, 'KUBERNETES_REFUSED');
}
