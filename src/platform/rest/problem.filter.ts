import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { partLogger } from '../observability/logger.js';
import { GRAPHQL_PATH } from '../graphql/document-id.js';
import { toGraphqlError } from '../graphql/graphql-error.js';
import { graphqlAnswer, graphqlMediaType } from '../graphql/graphql-refusal.js';
import { toDomainError } from './error-translation.js';
import { toProblem } from './problem.js';
import type { DomainError } from '../errors/domain-error.js';

const log = partLogger('api');

/** The only place where errors become answers; unforeseen ones are logged here, once, with the request id. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): unknown {
    const error = toDomainError(thrown);
    if (error.kind === 'internal') log.error({ err: error.cause ?? error }, 'an unexpected error');
    if (host.getType<'http' | 'graphql'>() === 'graphql') throw toGraphqlError(error);
    const http = host.switchToHttp();
    sendProblem(http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), error);
    return undefined;
  }
}

/** Also for what fails before Nest sees the request (parsing, unknown routes). */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, error: DomainError): void {
  if (reply.sent) return;
  const problem = toProblem(error, request.id);
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="fnplane"');
  if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', String(error.retryAfterSeconds));
  if (request.routeOptions?.url === GRAPHQL_PATH) {
    void reply.code(problem.status).type(graphqlMediaType(request.headers.accept)).send(JSON.stringify(graphqlAnswer(error, request.id)));
    return;
  }
  void reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
}
