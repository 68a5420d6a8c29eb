import { createHash } from 'node:crypto';
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { firstValueFrom, from, type Observable } from 'rxjs';
import { REQUIREMENT, requestOf, tenantReference, type Requirement } from '../auth/authorization.js';
import type { Context } from '../context/context.js';
import { DomainError } from '../errors/domain-error.js';
import { MutationRunner } from '../mutations/mutation-runner.js';
import { isPreviewed, isReplayed, READING } from './mutation-options.js';
import { rawBodyOf, takesRawBody } from './raw-body.js';

/** Gives every mutating REST route `Idempotency-Key` and `?validateOnly=true`. */
@Injectable()
export class MutationInterceptor implements NestInterceptor {
  constructor(
    private readonly runner: MutationRunner,
    private readonly reflector: Reflector,
  ) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() !== 'http') return next.handle();
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    if (READING.has(request.method)) return next.handle();
    const query = request.query as Record<string, unknown>;
    const handler = execution.getHandler();
    const validateOnly = isPreviewed(handler) && flag(query.validateOnly);
    const header = isReplayed(handler) ? request.headers['idempotency-key'] : undefined;
    if (!validateOnly && header === undefined) return next.handle();
    return from(this.run(execution, next, request, validateOnly, Array.isArray(header) ? header.join() : header));
  }

  private async run(execution: ExecutionContext, next: CallHandler, request: FastifyRequest, validateOnly: boolean, idempotencyKey: string | undefined): Promise<unknown> {
    const reply = execution.switchToHttp().getResponse<FastifyReply>();
    const context = contextOf(execution, this.reflector.get<Requirement>(REQUIREMENT, execution.getHandler()));
    const fingerprint = [request.method, request.url, bodyPrint(request), request.headers['if-match'] ?? null];
    const answer = await this.runner.run(context, { idempotencyKey, validateOnly, fingerprint }, async () => {
      const body: unknown = await firstValueFrom(next.handle(), { defaultValue: undefined });
      const location = reply.getHeader('location');
      const headers: Record<string, string> = location === undefined ? {} : { location: String(location) };
      return { status: reply.statusCode, headers, body };
    });
    if (validateOnly && answer.status !== 204) void reply.code(200);
    if (answer.replayed) {
      void reply.code(answer.status ?? 200).header('idempotency-replayed', 'true');
      for (const [name, value] of Object.entries(answer.headers ?? {})) void reply.header(name, value);
    }
    return answer.body;
  }
}

/** Bytes of any kind by their hash: two that mean the same as JSON are two to a function. */
function bodyPrint(request: FastifyRequest): unknown {
  if (!takesRawBody(request)) return request.body ?? null;
  const body = rawBodyOf(request);
  return body ? createHash('sha256').update(body).digest('hex') : null;
}

function flag(value: unknown): boolean {
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  throw new DomainError('invalid', 'VALIDATION_FAILED', '?validateOnly: must be true or false.', { fields: [{ pointer: '?validateOnly', message: 'must be true or false' }] });
}

function contextOf(execution: ExecutionContext, requirement: Requirement): Context {
  const state = requestOf(execution).fnplane!;
  const reference = tenantReference(execution, requirement);
  const tenant = reference === undefined ? undefined : state.tenants.get(reference);
  return tenant ?? { scope: 'system', principal: state.principal!, requestId: state.requestId };
}
