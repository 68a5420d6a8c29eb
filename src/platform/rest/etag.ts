import { AsyncLocalStorage } from 'node:async_hooks';
import { applyDecorators, createParamDecorator, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { DomainError } from '../errors/domain-error.js';

/** A row's version as an entity tag, without the quotes. */
export function etagOf(row: { id: string; version: number }): string {
  return `${row.id.slice(0, 8)}-${row.version}`;
}

/** What a change demands of the row it changes; `undefined` where the caller sent no If-Match. */
export type ExpectedEtag = string | undefined;

const demanded = new AsyncLocalStorage<boolean>();

/** Runs a change in which {@link checkEtag} refuses to change a row whose version the caller did not name. */
export function demandingIfMatch<T>(work: () => T): T {
  return demanded.run(true, work);
}

/** @throws {DomainError} ETAG_MISMATCH (412); IF_MATCH_REQUIRED (428) where the installation demands If-Match. */
export function checkEtag(expected: ExpectedEtag, row: { id: string; version: number }): void {
  if (expected === undefined && demanded.getStore()) throw new DomainError('precondition-required', 'IF_MATCH_REQUIRED', 'This platform takes no change of what exists without its version: read the resource, and send its ETag as If-Match (in GraphQL, its etag as ifMatch).');
  if (expected === undefined || expected === '*' || expected === etagOf(row)) return;
  throw new DomainError('precondition-failed', 'ETAG_MISMATCH', 'The resource was changed since you read it; read it again and repeat the change.');
}

/** The If-Match header's single tag. */
export const IfMatch = createParamDecorator((_: unknown, context: ExecutionContext): ExpectedEtag => {
  const header = context.switchToHttp().getRequest<FastifyRequest>().headers['if-match'];
  if (header === undefined) return undefined;
  const match = /^\s*(?:"([^"\s]{1,100})"|(\*))\s*$/.exec(header);
  if (!match) throw new DomainError('malformed', 'ETAG_INVALID', 'If-Match must hold one strong entity tag in quotes, as an ETag header gave it.');
  return match[1] ?? match[2];
});

/** The same for an `ifMatch` of GraphQL, which has no quotes. @throws {DomainError} ETAG_INVALID (400). */
export function checkIfMatchForm(ifMatch: string | null | undefined): void {
  if (ifMatch !== undefined && ifMatch !== null && !/^(?:\*|[^"\s]{1,100})$/.test(ifMatch)) throw new DomainError('malformed', 'ETAG_INVALID', 'ifMatch must be an etag as the resource gave it, without quotes.');
}

/** Sets ETag on single resources that carry one. It follows what clients change, not the status: it is for If-Match, not for caches. */
@Injectable()
export class EtagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    return next.handle().pipe(tap((body: unknown) => {
      const etag = (body as { etag?: unknown } | null | undefined)?.etag;
      if (typeof etag === 'string') void context.switchToHttp().getResponse<FastifyReply>().header('etag', `"${etag}"`);
    }));
  }
}

/** Documents If-Match on routes that take it. */
export const ETAG_HEADER = applyDecorators(
  ApiHeader({ name: 'If-Match', required: false, schema: { type: 'string', pattern: '^\\s*("[^"\\s]{1,100}"|\\*)\\s*$' }, description: 'Entity tag the change is based on; 412 when the resource has changed since.' }),
  ApiResponse({ status: 428, description: 'If-Match is missing, and this installation demands it.', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } }),
);
