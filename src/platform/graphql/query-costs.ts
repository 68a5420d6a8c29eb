import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { costKeyOf, costOf, type QueryCost, type Variables } from './query-cost.policy.js';

/** Sizes and tenants one operation is remembered for. */
const MOST_KEYS = 50;

interface Known {
  key: (variables: Variables) => string;
  costs: Map<string, QueryCost>;
}

/** Costs of operations, worked out once for each document and the variables that decide; they go when Apollo forgets the document. */
export class QueryCosts {
  private readonly known = new WeakMap<OperationDefinitionNode, Known>();

  of(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): QueryCost {
    let known = this.known.get(operation);
    if (!known) {
      known = { key: costKeyOf(document, operation), costs: new Map() };
      this.known.set(operation, known);
    }
    const key = known.key(variables);
    let cost = known.costs.get(key);
    if (!cost) {
      cost = costOf(schema, document, operation, variables);
      if (known.costs.size >= MOST_KEYS) known.costs.delete(known.costs.keys().next().value!);
      known.costs.set(key, cost);
    }
    return cost;
  }
}
