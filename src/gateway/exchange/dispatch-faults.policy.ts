import type { RefusalCode } from '../refusals.policy.js';
import type { Lack } from '../routing/lane.js';

/** Methods whose repetition has no further effect (RFC 9110 9.2.2). */
export const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** What a request that waited in vain is told. */
export const WAITED_FOR: Record<Lack, RefusalCode> = {
  instance: 'FUNCTION_NOT_READY',
  connection: 'FUNCTION_NOT_READY',
  cluster: 'CLUSTER_UNREACHABLE',
  room: 'FUNCTION_OVERLOADED',
};

/** undici refused to send what the caller wrote: nothing went out. */
export function isCallersFault(error: Error): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED' || code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH';
}
