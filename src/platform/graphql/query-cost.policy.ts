import {
  getNamedType, getNullableType, isCompositeType, isInterfaceType, isListType, isObjectType, type DocumentNode, type FieldNode, type FragmentDefinitionNode, type GraphQLField,
  type GraphQLNamedType, type GraphQLSchema, type OperationDefinitionNode, type SelectionSetNode, type ValueNode,
} from 'graphql';
import { DEFAULT_PAGE, MAX_PAGE } from '../database/page.js';

/** One token of a rate limit pays for so much; a REST request is one token. */
export const COST_OF_TOKEN = 1_000;

const COST = {
  /** A field with a value or an object of its parent. */
  field: 1,
  /** A page of a list: a statement. */
  page: 100,
  /** Each field at the top of a query. */
  query: 250,
  /** Each mutation or subscription. */
  change: COST_OF_TOKEN,
  /** The schema about itself. */
  introspection: COST_OF_TOKEN,
  /** Entries that a list without pages is taken to have. */
  entries: 10,
} as const;

export type Variables = Readonly<Record<string, unknown>>;

export interface RootCost {
  cost: number;
  /** Name or id of the tenant the field works on, where it names one. */
  tenant?: string;
}

export interface QueryCost {
  cost: number;
  roots: RootCost[];
}

/** Costs of a selection: once for each parent, and once for each entry of the list the parent holds. */
interface Sum {
  flat: number;
  listed: number;
}

export function tokensFor(cost: number): number {
  return Math.max(1, Math.ceil(cost / COST_OF_TOKEN));
}

/**
 * What an operation of a validated document may cost at most, without running it: fields are added up, pages multiply what is selected of
 * each node by `first` (or `tail`), down the tree. `@skip` and `@include` change nothing. Linear in the document: each fragment is walked once.
 */
export function costOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, variables: Variables): QueryCost {
  const root = schema.getRootType(operation.operation);
  if (!root) return { cost: 0, roots: [] };
  const walk = new CostWalk(schema, document, operation, variables);
  const base = operation.operation === 'query' ? COST.query : COST.change;
  const roots = walk.rootFields(root, operation.selectionSet).map(({ field, sum }) => {
    const tenant = walk.tenantOf(field);
    const cost = total(sum) + (field.name.value.startsWith('__') ? 0 : base);
    return tenant === undefined ? { cost } : { cost, tenant };
  });
  return { cost: roots.reduce((sum, { cost }) => sum + cost, 0), roots };
}

const DECIDING = new Set(['first', 'tail', 'tenant', 'input']);

/**
 * What of the variables decides the cost and whom it is charged to, as text: two requests for one operation that agree in it cost the same.
 * Made once for an operation.
 */
export function costKeyOf(document: DocumentNode, operation: OperationDefinitionNode): (variables: Variables) => string {
  const names = new Set<string>();
  const add = (value: ValueNode): void => {
    if (value.kind === 'Variable') names.add(value.name.value);
    if (value.kind === 'ObjectValue') for (const field of value.fields) if (field.name.value === 'tenant') add(field.value);
  };
  const walk = (set: SelectionSetNode | undefined): void => {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === 'Field') for (const argument of selection.arguments ?? []) if (DECIDING.has(argument.name.value)) add(argument.value);
      if (selection.kind !== 'FragmentSpread') walk(selection.selectionSet);
    }
  };
  walk(operation.selectionSet);
  for (const definition of document.definitions) if (definition.kind === 'FragmentDefinition') walk(definition.selectionSet);
  return (variables) => JSON.stringify([...names].map((name) => decidingPart(variables[name])));
}

/** An input decides by the tenant in it; its absence is told from null, for which a default does not stand in. */
function decidingPart(value: unknown): unknown {
  if (value === undefined) return [];
  return typeof value === 'object' && value !== null ? [(value as { tenant?: unknown }).tenant] : value;
}

function total({ flat, listed }: Sum, entries: number = COST.entries): number {
  return flat + entries * listed;
}

class CostWalk {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly known = new Map<string, Sum>();
  private readonly defaults = new Map<string, ValueNode>();

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    private readonly variables: Variables,
  ) {
    for (const definition of document.definitions) if (definition.kind === 'FragmentDefinition') this.fragments.set(definition.name.value, definition);
    for (const { variable, defaultValue } of operation.variableDefinitions ?? []) if (defaultValue) this.defaults.set(variable.name.value, defaultValue);
  }

  /** The fields at the top, those in fragments too; a fragment used twice counts twice. */
  rootFields(type: GraphQLNamedType, set: SelectionSetNode, found: { field: FieldNode; sum: Sum }[] = []): { field: FieldNode; sum: Sum }[] {
    for (const selection of set.selections) {
      if (selection.kind === 'Field') found.push({ field: selection, sum: this.field(type, selection) });
      else if (selection.kind === 'InlineFragment') this.rootFields(type, selection.selectionSet, found);
      else {
        const fragment = this.fragments.get(selection.name.value);
        if (fragment) this.rootFields(type, fragment.selectionSet, found);
      }
    }
    return found;
  }

  tenantOf(field: FieldNode): string | undefined {
    const named = (name: string): unknown => this.value(field.arguments?.find((argument) => argument.name.value === name)?.value);
    const direct = named('tenant');
    if (typeof direct === 'string') return direct;
    const inside = (named('input') as { tenant?: unknown } | null | undefined)?.tenant;
    return typeof inside === 'string' ? inside : undefined;
  }

  private selection(type: GraphQLNamedType, set: SelectionSetNode): Sum {
    const sum: Sum = { flat: 0, listed: 0 };
    for (const selection of set.selections) {
      const part = selection.kind === 'Field' ? this.field(type, selection)
        : selection.kind === 'FragmentSpread' ? this.fragment(selection.name.value)
          : this.selection(this.typeNamed(selection.typeCondition?.name.value) ?? type, selection.selectionSet);
      sum.flat += part.flat;
      sum.listed += part.listed;
    }
    return sum;
  }

  private fragment(name: string): Sum {
    const known = this.known.get(name);
    if (known) return known;
    const fragment = this.fragments.get(name);
    const type = this.typeNamed(fragment?.typeCondition.name.value);
    // Validation lets no cycle through; should one come, it ends here.
    this.known.set(name, { flat: 0, listed: 0 });
    const sum = fragment && type ? this.selection(type, fragment.selectionSet) : { flat: 0, listed: 0 };
    this.known.set(name, sum);
    return sum;
  }

  private field(parent: GraphQLNamedType, node: FieldNode): Sum {
    const name = node.name.value;
    if (name === '__schema' || name === '__type') return { flat: COST.introspection, listed: 0 };
    const definition = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    const type = definition && getNamedType(definition.type);
    if (!definition || !isCompositeType(type) || !node.selectionSet) return { flat: COST.field, listed: 0 };
    const inside = this.selection(type, node.selectionSet);
    const page = this.pageOf(definition, node);
    if (page !== undefined) return { flat: COST.page + total(inside, page), listed: 0 };
    const one = COST.field + total(inside);
    return isListType(getNullableType(definition.type)) ? { flat: 0, listed: one } : { flat: one, listed: 0 };
  }

  private pageOf(definition: GraphQLField<unknown, unknown>, node: FieldNode): number | undefined {
    const argument = definition.args.find(({ name }) => name === 'first');
    if (!argument) return undefined;
    const valueOf = (argument: string): unknown => this.value(node.arguments?.find(({ name }) => name.value === argument)?.value);
    const tail = valueOf('tail');
    // The last of a list come in one page of that size.
    const given = typeof tail === 'number' ? tail : valueOf('first');
    const size = typeof given === 'number' ? given : typeof argument.defaultValue === 'number' ? argument.defaultValue : DEFAULT_PAGE;
    // Sizes out of range are refused when the field is run.
    return Math.min(Math.max(size, 0), MAX_PAGE);
  }

  private typeNamed(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.schema.getType(name);
  }

  private value(node: ValueNode | undefined): unknown {
    switch (node?.kind) {
      case 'Variable': return Object.hasOwn(this.variables, node.name.value) ? this.variables[node.name.value] : this.value(this.defaults.get(node.name.value));
      case 'IntValue': return Number(node.value);
      case 'StringValue': return node.value;
      case 'ObjectValue': return Object.fromEntries(node.fields.filter((field) => field.name.value === 'tenant').map((field) => [field.name.value, this.value(field.value)]));
      default: return undefined;
    }
  }
}
