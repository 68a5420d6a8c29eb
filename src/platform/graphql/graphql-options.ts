import type { ApolloDriverConfig } from '@nestjs/apollo';
import { ApolloDriver } from '@nestjs/apollo';
import type { ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { ModuleRef } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../config/config.js';
import { credentialStatus } from './credential-status.js';
import { MOST_TOKENS, type DocumentGate } from './document-gate.js';
import { GRAPHQL_PATH } from './document-id.js';
import { formatGraphqlError } from './graphql-error.js';
import { GraphqlIntake, type GraphqlContext } from './graphql-intake.js';

/**
 * GraphQL at `/graphql`: code first, no landing page that loads scripts from elsewhere, nothing executed that did not pass the intake. Validated
 * documents are kept in Apollo's own store, 30 MiB at most.
 *
 * @param modules of the application: the intake stands on the guard, which is made after GraphQL's own module.
 */
export function graphqlOptions(config: Config, { trusted }: DocumentGate, modules: ModuleRef): ApolloDriverConfig {
  const intake = (): GraphqlIntake => modules.get(GraphqlIntake, { strict: false });
  return {
    driver: ApolloDriver,
    path: GRAPHQL_PATH,
    autoSchemaFile: true,
    sortSchema: true,
    playground: false,
    introspection: config.FNPLANE_GRAPHQL_INTROSPECTION,
    hideSchemaDetailsFromClientErrors: !config.FNPLANE_GRAPHQL_SUGGESTIONS,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: config.FNPLANE_GRAPHQL_BATCH > 0,
    // Without a list of trusted documents nobody may leave documents here.
    persistedQueries: trusted ? { cache: trusted } : false,
    parseOptions: { maxTokens: MOST_TOKENS },
    // Filters too: what a field's own guard or service refuses must be told as what it is.
    fieldResolverEnhancers: ['guards', 'filters'],
    plugins: [
      ApolloServerPluginLandingPageDisabled(), credentialStatus,
      { serverWillStart: ({ schema }) => Promise.resolve(trusted?.demandValid(schema)), requestDidStart: () => Promise.resolve(intake().listener()) } satisfies ApolloServerPlugin<GraphqlContext>,
    ],
    formatError: formatGraphqlError,
    context: (request: FastifyRequest, reply: FastifyReply) => intake().open(request, reply),
  };
}
