import { z } from 'zod';
import { WAKE_AUDIENCE, WAKE_PATH, type Waker } from '../../contract/wake.js';
import { INTERNAL_HEADER } from '../../platform/invocation/internal-token.js';
import type { InternalTokenVerifier } from '../../platform/invocation/internal-token-verifier.js';
import type { ManagementAction } from '../../platform/observability/management-server.js';

const wakeRequest = z.strictObject({ namespace: z.string().min(1).max(63), name: z.string().min(1).max(63), functionId: z.uuid() });

/**
 * `POST /internal/wake` of gateways in other processes: 200 with the pod, 204 where the function starts cold, 401 without an internal
 * token for it, 400 for another body.
 */
export function wakeEndpoint(waker: Waker, tokens: InternalTokenVerifier): ManagementAction {
  return async ({ headers, body, signal }) => {
    const token = headers[INTERNAL_HEADER];
    const claims = typeof token === 'string' ? tokens.verify(token, 'POST', WAKE_PATH, Date.now()) : undefined;
    // Of no tenant: an invocation of a tenant's function bears the tenant, whatever both are called.
    if (claims?.principal !== WAKE_AUDIENCE || claims.tenantId !== '') return { status: 401, body: { message: 'an internal token for waking is needed' } };
    const request = wakeRequest.safeParse(body);
    if (!request.success) return { status: 400, body: { message: 'the body must be {namespace, name, functionId}' } };
    const answer = await waker.wake(request.data, signal);
    return answer ? { status: 200, body: answer } : { status: 204 };
  };
}
