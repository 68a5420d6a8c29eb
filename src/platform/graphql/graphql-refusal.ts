import { HeaderMap } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { DomainError } from '../errors/domain-error.js';
import { HTTP } from '../rest/problem.js';
import { toGraphqlError } from './graphql-error.js';

/** A request refused before anything of it was executed: the problem as a GraphQL error, with the status and headers REST would give. */
export function toGraphqlRefusal(error: DomainError, requestId: string): GraphQLError {
  const { message, extensions } = toGraphqlError(error);
  const headers = new HeaderMap(error.retryAfterSeconds === undefined ? [] : [['retry-after', String(error.retryAfterSeconds)]]);
  return new GraphQLError(message, { extensions: { ...extensions, requestId, http: { status: HTTP[error.kind].status, headers } } });
}

/** The whole answer to a request for GraphQL that fails before Apollo sees it. */
export function graphqlAnswer(error: DomainError, requestId: string): { errors: object[] } {
  const { message, extensions } = toGraphqlError(error);
  return { errors: [{ message, extensions: { ...extensions, requestId } }] };
}

/** application/graphql-response+json for those who ask for it, otherwise what everybody reads. */
export function graphqlMediaType(accept: string | undefined): string {
  return /application\/graphql-response\+json/i.test(accept ?? '') ? 'application/graphql-response+json; charset=utf-8' : 'application/json; charset=utf-8';
}
