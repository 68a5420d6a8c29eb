import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { DomainError } from '../errors/domain-error.js';

/** A request-level error: same code, kind and words as the REST problem. */
export function toGraphqlError(error: DomainError): GraphQLError {
  return new GraphQLError(error.message, {
    extensions: {
      code: error.code,
      kind: error.kind,
      retryable: error.retryable,
      ...(error.fields.length > 0 ? { fields: error.fields } : {}),
      ...(error.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: error.retryAfterSeconds }),
      ...(Object.keys(error.details).length > 0 ? { details: error.details } : {}),
    },
  });
}

/**
 * graphql-js quotes the value it refuses, and that may be a secret. What is kept: which variable or argument, the path inside it, and
 * what was expected there.
 */
function withoutValues(message: string): string {
  const variable = /^Variable "(\$\w+)" got invalid value [\s\S]*?(?: at "(?<path>[\w.[\]$]+)")?; (?<why>Field "[\w$]+" of required type "[^"]+" was not provided|Field "[\w$]+" is not defined by type "[^"]+"|Expected [^"{}]*?"[\w[\]!]+"[^{}"]*)/.exec(message);
  if (variable) return `Variable "${variable.groups?.path ?? variable[1]}" is not valid: ${variable.groups?.why}.`;
  const unnamed = /^(?:Variable|Argument) "(\$?\w+)"/.exec(message);
  if (unnamed) return `"${unnamed[1]}" is not valid for its type.`;
  return /^Syntax Error/.test(message) ? 'The document is not valid GraphQL.' : message.replaceAll(/"(?:[^"\\]|\\.){60,}"/g, '"..."');
}

/** What the libraries say of a request as a whole, without a code of their own: no resolver ran, so nothing inside went wrong. */
function isAboutRequest(error: unknown): boolean {
  const { path, originalError } = (error ?? {}) as { path?: unknown; originalError?: unknown };
  return error instanceof Error && error.name === 'GraphQLError' && path === undefined && originalError === undefined;
}

/** A variable that is null where an argument may be left out but not be null: told only when the field is reached, though no resolver ran. */
function isAboutArgument(error: unknown): boolean {
  const { originalError } = (error ?? {}) as { originalError?: unknown };
  return originalError instanceof Error && originalError.name === 'GraphQLError' && /^Argument "\w+" (?:of|has) /.test(originalError.message);
}

/** Nothing but message, place and our own extensions leaves the server: no stack traces, no driver errors. */
export function formatGraphqlError(formatted: GraphQLFormattedError, error?: unknown): GraphQLFormattedError {
  const { stacktrace: _, ...extensions } = (formatted.extensions ?? {}) as Record<string, unknown>;
  const internal = extensions.code === 'INTERNAL_SERVER_ERROR';
  if (internal && isAboutRequest(error)) return { message: formatted.message, ...(formatted.locations ? { locations: formatted.locations } : {}), extensions: { code: 'GRAPHQL_REQUEST_INVALID', kind: 'malformed', retryable: false } };
  if (internal && isAboutArgument(error)) return { message: withoutValues(formatted.message), ...(formatted.locations ? { locations: formatted.locations } : {}), ...(formatted.path ? { path: formatted.path } : {}), extensions: { code: 'GRAPHQL_REQUEST_INVALID', kind: 'malformed', retryable: false } };
  return {
    message: extensions.code === 'BAD_USER_INPUT' ? withoutValues(formatted.message) : internal ? 'Something went wrong inside the platform. It has been recorded under this request id.' : formatted.message,
    ...(formatted.locations ? { locations: formatted.locations } : {}),
    ...(formatted.path ? { path: formatted.path } : {}),
    extensions: internal ? { code: 'INTERNAL', kind: 'internal', retryable: false } : extensions,
  };
}
