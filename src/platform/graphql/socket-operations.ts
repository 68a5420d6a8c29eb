import { Inject, Injectable } from '@nestjs/common';
import { GraphQLSchemaHost } from '@nestjs/graphql';
import {
  getOperationAST, GraphQLError, NoSchemaIntrospectionCustomRule, parse, specifiedRules, validate, type ExecutionArgs, type GraphQLFormattedError, type GraphQLSchema,
} from 'graphql';
import { stateOf, type StatefulRequest } from '../auth/authorization.js';
import type { Config } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { CONFIG } from '../tokens.js';
import { DocumentGate, MOST_TOKENS } from './document-gate.js';
import { adaptOperation } from './document-id.js';
import { formatGraphqlError, toGraphqlError } from './graphql-error.js';
import { GraphqlIntake } from './graphql-intake.js';

/** One operation as a client sends it over a socket. */
export interface SocketOperation {
  query?: unknown;
  operationName?: unknown;
  variables?: unknown;
  extensions?: unknown;
}

/** What Apollo does with operations over HTTP, for those that come over a socket: the same gate, the same limits, the same words. */
@Injectable()
export class SocketOperations {
  constructor(
    private readonly intake: GraphqlIntake,
    private readonly gate: DocumentGate,
    private readonly schemas: GraphQLSchemaHost,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** The operation ready to be run, or why it is not. */
  async admit(request: StatefulRequest, sent: SocketOperation): Promise<ExecutionArgs | readonly GraphQLError[]> {
    try {
      adaptOperation(sent);
      await this.intake.openOperation(request, sent);
      return await this.prepare(request, sent);
    } catch (error) {
      if (error instanceof DomainError) return [toGraphqlError(error)];
      if (error instanceof GraphQLError) return [error];
      throw error;
    }
  }

  /** As answers over HTTP tell it. */
  format(errors: readonly GraphQLError[]): GraphQLFormattedError[] {
    return errors.map((error) => {
      const formatted = error.toJSON();
      const message = this.config.FNPLANE_GRAPHQL_SUGGESTIONS ? formatted.message : formatted.message.replace(/ ?Did you mean .*$/s, '');
      return formatGraphqlError({ ...formatted, message, extensions: { code: 'INTERNAL_SERVER_ERROR', ...formatted.extensions } }, error);
    });
  }

  private async prepare(request: StatefulRequest, { query, operationName, variables, extensions }: SocketOperation): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const { schema } = this.schemas;
    const text = typeof query === 'string' ? query : await this.gate.trusted?.get(trustedHash(extensions));
    if (text === undefined) throw new DomainError('malformed', 'GRAPHQL_REQUEST_INVALID', 'The message has no document.');
    const document = parse(text, { maxTokens: MOST_TOKENS });
    const problems = validate(schema, document, this.config.FNPLANE_GRAPHQL_INTROSPECTION ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule]);
    if (problems.length > 0) return problems.map((problem) => new GraphQLError(problem.message, { nodes: problem.nodes, extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }));
    const name = typeof operationName === 'string' ? operationName : undefined;
    const operation = getOperationAST(document, name);
    if (operation?.operation !== 'subscription') throw new DomainError('malformed', 'SUBSCRIPTION_EXPECTED', 'Only subscriptions are run here; send queries and mutations by HTTP.');
    const values = typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {};
    await this.intake.chargeOperation(request, schema, { document, operation, variables: values });
    return { schema: schema as GraphQLSchema, document, variableValues: values, operationName: name, contextValue: { req: request, state: stateOf(request) } };
  }
}

function trustedHash(extensions: unknown): string {
  const hash = (extensions as { persistedQuery?: { sha256Hash?: unknown } } | undefined)?.persistedQuery?.sha256Hash;
  return typeof hash === 'string' ? hash : '';
}
