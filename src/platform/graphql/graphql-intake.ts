import { Inject, Injectable } from '@nestjs/common';
import type { GraphQLRequestContext, GraphQLRequestListener } from '@apollo/server';
import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AccessGuard } from '../auth/access.guard.js';
import { stateOf, type StatefulRequest } from '../auth/authorization.js';
import type { Config } from '../config/config.js';
import { DomainError } from '../errors/domain-error.js';
import { RequestLimits } from '../limits/request-limits.js';
import { CONFIG } from '../tokens.js';
import { DocumentGate, type SentOperation } from './document-gate.js';
import { toGraphqlRefusal } from './graphql-refusal.js';
import { tokensFor, type QueryCost } from './query-cost.policy.js';
import { QueryCosts } from './query-costs.js';

/** What resolvers get as their context. */
export interface GraphqlContext {
  req: StatefulRequest;
  reply: FastifyReply;
}

type Resolved = GraphQLRequestContext<GraphqlContext> & { document: DocumentNode; operation?: OperationDefinitionNode };

/**
 * What stands before the execution of GraphQL: who asks, whether the document may be read at all, what the operation costs. A request that
 * does not get past it is refused as a whole, with the status REST would answer.
 */
@Injectable()
export class GraphqlIntake {
  private readonly costs = new QueryCosts();

  constructor(
    private readonly guard: AccessGuard,
    private readonly limits: RequestLimits,
    private readonly gate: DocumentGate,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** Before anything is parsed: one token for each operation, from the caller or, without a good credential, from his address. */
  async open(request: FastifyRequest, reply: FastifyReply): Promise<GraphqlContext> {
    const req = request as unknown as StatefulRequest;
    try {
      const operations = sentOperations(request);
      this.demandBatch(operations.length);
      await this.admit(req, reply, operations.length);
      for (const operation of operations) this.gate.demand(operation);
      return { req, reply };
    } catch (error) {
      throw error instanceof DomainError ? toGraphqlRefusal(error, req.id) : error;
    }
  }

  /** After validation, before execution: the rest of what the operation costs. Tells the cost in the answer. */
  listener(): GraphQLRequestListener<GraphqlContext> {
    let told: object | undefined;
    return {
      didResolveOperation: async (context) => {
        const { schema, document, operation, request, contextValue } = context as Resolved & { schema: GraphQLSchema };
        if (!operation) return;
        const cost = this.costs.of(schema, document, operation, request.variables ?? {});
        told = { requested: cost.cost, tokens: tokensFor(cost.cost), limit: this.config.FNPLANE_GRAPHQL_MAX_COST };
        await this.charge(contextValue.req, cost).catch((error: unknown) => {
          throw error instanceof DomainError ? toGraphqlRefusal(error, contextValue.req.id) : error;
        });
      },
      willSendResponse: ({ response }) => {
        if (told && response.body.kind === 'single') response.body.singleResult.extensions = { ...response.body.singleResult.extensions, cost: told };
        return Promise.resolve();
      },
    };
  }

  /** As {@link open}, for an operation that comes over a socket; without a good credential nothing is done there. @throws {DomainError} as REST. */
  async openOperation(request: StatefulRequest, operation: SentOperation): Promise<void> {
    const principal = await this.guard.identify(request);
    await this.limits.chargePrincipal(stateOf(request).charges, principal);
    this.gate.demand(operation);
  }

  /** As {@link listener}, for a validated operation that comes over a socket. @throws {DomainError} */
  chargeOperation(request: StatefulRequest, schema: GraphQLSchema, { document, operation, variables }: { document: DocumentNode; operation: OperationDefinitionNode; variables: Record<string, unknown> }): Promise<void> {
    return this.charge(request, this.costs.of(schema, document, operation, variables));
  }

  private demandBatch(operations: number): void {
    const most = this.config.FNPLANE_GRAPHQL_BATCH;
    if (most > 0 && operations > most) throw new DomainError('malformed', 'BATCH_TOO_LARGE', `The batch has more than ${most} operations; send it in parts.`, { details: { limit: 'batch', allowed: most } });
  }

  /** Without a good credential the document is executed all the same, and refused field by field: only the schema about itself is for all. */
  private async admit(request: StatefulRequest, reply: FastifyReply, operations: number): Promise<void> {
    const state = stateOf(request);
    state.charges.answer = reply;
    const principal = await this.guard.identify(request).catch((error: unknown) => {
      if (error instanceof DomainError && error.kind === 'unauthenticated') return undefined;
      throw error;
    });
    if (principal) await this.limits.chargePrincipal(state.charges, principal, Math.max(1, operations));
  }

  private async charge(request: StatefulRequest, { cost, roots }: QueryCost): Promise<void> {
    const most = this.config.FNPLANE_GRAPHQL_MAX_COST;
    if (cost > most) {
      throw new DomainError('malformed', 'QUERY_TOO_EXPENSIVE', `The query may cost ${cost}, and ${most} is the most; ask for smaller pages or fewer lists inside lists.`, { details: { cost, limit: most } });
    }
    const state = stateOf(request);
    if (!state.principal) return;
    // One was taken when the request came in.
    const more = tokensFor(cost) - 1;
    if (more > 0) await this.limits.chargePrincipal(state.charges, state.principal, more);
    const tenants = new Map<string, number>();
    for (const root of roots) if (root.tenant !== undefined) tenants.set(root.tenant, (tenants.get(root.tenant) ?? 0) + root.cost);
    for (const [tenant, share] of tenants) await this.guard.chargeTenant(request, tenant, tokensFor(share));
  }
}

const ANY_HOST = 'http://host/';

function sentOperations(request: FastifyRequest): SentOperation[] {
  if (request.method === 'GET') {
    // Read as Apollo reads it, not as Fastify does: what they would take differently could slip through between the two.
    const parameters = new URLSearchParams(new URL(request.url, ANY_HOST).search);
    return [{ query: parameters.get('query') ?? undefined, extensions: parsed(parameters.get('extensions')) }];
  }
  const sent = Array.isArray(request.body) ? (request.body as unknown[]) : [request.body];
  return sent.map((operation) => (typeof operation === 'object' && operation !== null ? (operation as SentOperation) : {}));
}

/** What cannot be read here is refused by Apollo. */
function parsed(extensions: string | null): unknown {
  if (extensions === null) return undefined;
  try {
    return JSON.parse(extensions) as unknown;
  } catch {
    return undefined;
  }
}
