import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Counter } from 'prom-client';
import { REQUIREMENT, requestOf, tenantReference, type RequestState, type Requirement, type StatefulRequest } from '../auth/authorization.js';
import type { Context, TenantContext } from '../context/context.js';
import type { DomainError, ErrorKind } from '../errors/domain-error.js';
import { partLogger } from '../observability/logger.js';
import { registry } from '../observability/metrics.js';
import { toDomainError } from '../rest/error-translation.js';
import { askedTarget, askedTenant, type AskedFields } from './asked-target.policy.js';
import { AUDITED } from './audited.js';
import { RefusalBudget } from './refusal-budget.js';
import { RefusalLog } from './refusal-log.js';

const log = partLogger('audit');
const dropped = new Counter({ name: 'fnplane_audit_refusals_dropped_total', help: 'Refused changes that were not written to the audit log: their principal had too many in a minute (flood), or writing failed (failed).', labelNames: ['reason'], registers: [registry] });

/** Which refusals are decisions of the platform about a change; the others are requests that could not be read or served. */
const DECISIONS: Record<ErrorKind, boolean> = {
  forbidden: true, 'not-found': true, conflict: true, 'precondition-failed': true, 'precondition-required': true, 'quota-exceeded': true, invalid: true,
  malformed: false, 'method-not-allowed': false, unauthenticated: false, 'too-large': false, 'unsupported-media': false, 'rate-limited': false, unavailable: false, timeout: false, upstream: false, internal: false,
};
/** A shape that is no request of ours: GraphQL refuses it before any handler, so REST does not record it either. */
const SHAPE = 'VALIDATION_FAILED';

const GRAPHQL_ARGS = 1;

/** Writes down who asked for a change and was refused; see the audit domain's README for what is and is not recorded. */
@Injectable()
export class RefusalRecorder {
  private readonly budget = new RefusalBudget();

  constructor(
    private readonly reflector: Reflector,
    private readonly refusals: RefusalLog,
  ) {}

  /** Never throws and never changes the answer; resolves once the entry is kept. */
  async record(execution: ExecutionContext, thrown: unknown): Promise<void> {
    const action = this.reflector.get<string | null | undefined>(AUDITED, execution.getHandler());
    const state = requestOf(execution).fnplane;
    if (!action || !state?.principal) return;
    const error = toDomainError(thrown);
    const asked = askedFields(execution);
    if (!DECISIONS[error.kind] || error.code === SHAPE || asked.validateOnly) return;
    const room = this.budget.take(state.principal.key);
    if (room !== 'left') {
      dropped.inc({ reason: 'flood' });
      if (room === 'spent') log.warn({ principal: state.principal.key }, 'too many refused changes of one principal in a minute: the rest of them is not recorded');
      return;
    }
    await this.append(execution, state, action, error, asked);
  }

  private async append(execution: ExecutionContext, state: RequestState, action: string, error: DomainError, asked: AskedFields): Promise<void> {
    const requirement = this.reflector.get<Requirement>(REQUIREMENT, execution.getHandler());
    const tenant = requirement.scope === 'tenant' ? visibleTenant(execution, state, requirement) : undefined;
    const context: Context = tenant ?? { scope: 'system', principal: state.principal!, requestId: state.requestId };
    const target = requirement.scope === 'tenant' && !tenant ? askedTenant(asked) : askedTarget(action.split('.', 1)[0]!, asked);
    try {
      await this.refusals.append(context, { action, code: error.code, target });
    } catch (problem) {
      dropped.inc({ reason: 'failed' });
      log.error({ err: problem, action, code: error.code }, 'a refused change could not be recorded');
    }
  }
}

function visibleTenant(execution: ExecutionContext, state: RequestState, requirement: Requirement): TenantContext | undefined {
  const reference = tenantReference(execution, requirement);
  return typeof reference === 'string' ? state.tenants.get(reference) : undefined;
}

interface RestRequest extends StatefulRequest {
  body?: unknown;
  query?: Record<string, unknown>;
}

function askedFields(execution: ExecutionContext): AskedFields & { validateOnly: boolean } {
  if (execution.getType<'http' | 'graphql'>() === 'graphql') {
    const { input } = execution.getArgByIndex<{ input?: Record<string, unknown> }>(GRAPHQL_ARGS);
    return { params: {}, fields: input ?? {}, validateOnly: input?.validateOnly === true };
  }
  const { params, body, query } = execution.switchToHttp().getRequest<RestRequest>();
  const fields = typeof body === 'object' && body !== null && !Buffer.isBuffer(body) ? (body as Record<string, unknown>) : {};
  return { params: params ?? {}, fields, validateOnly: query?.validateOnly === 'true' };
}
