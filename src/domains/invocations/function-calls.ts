import { Injectable } from '@nestjs/common';
import { BoundedCache } from '../../platform/caching/bounded-cache.js';
import type { TenantContext } from '../../platform/context/context.js';
import type { Invocation, InvocationAnswer } from '../../platform/invocation/gateway-client.js';
import { partLogger } from '../../platform/observability/logger.js';
import { FunctionPlacesService } from '../functions/function-places.service.js';
import { GatewayLink } from './gateway-link.js';
import { isMistrust } from './invocations.errors.js';

const log = partLogger('invocations');

/** Longest wait for a function: the longest timeout a plan allows, and the gateway's own wait for an instance before it. */
const LONGEST_WAIT_MS = 915_000;
const REMEMBERED_FUNCTIONS = 10_000;
const REMEMBERED_MS = 2_000;

/** The way to a tenant's functions: through the gateway of the cluster that serves each best. */
@Injectable()
export class FunctionCalls {
  /** Addresses by tenant and function: a move is heard of a moment later, while the place that is left still serves. */
  private readonly gateways = new BoundedCache<string, { url: string | null }>(REMEMBERED_FUNCTIONS, REMEMBERED_MS);

  constructor(
    private readonly gateway: GatewayLink,
    private readonly places: FunctionPlacesService,
  ) {}

  /** See `GatewayClient.invoke`. Nothing is repeated here. @param call `function` is the name. */
  async call(context: TenantContext, call: Omit<Invocation, 'tenant' | 'tenantId' | 'timeoutMs'>): Promise<InvocationAnswer> {
    const answer = await this.gateway.invoke({ ...call, tenant: context.tenantName, tenantId: context.tenantId, timeoutMs: LONGEST_WAIT_MS }, await this.gatewayOf(context, call.function));
    if (answer.refusal && isMistrust(answer.refusal)) log.error({ code: answer.refusal.code }, 'the gateway refuses our token: its secret or clock differs from ours');
    return answer;
  }

  /** That of the cluster the function is served from. */
  private async gatewayOf(context: TenantContext, name: string): Promise<string | null> {
    const key = `${context.tenantId}/${name}`;
    const known = this.gateways.get(key);
    if (known) return known.url;
    const url = await this.places.gatewayUrl(context, name);
    this.gateways.set(key, { url });
    return url;
  }
}
