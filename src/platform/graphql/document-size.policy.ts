import type { DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionNode, SelectionSetNode, ValueNode } from 'graphql';

/** What one document may hold: far more than a portal needs at once. */
export interface DocumentLimits {
  /** Levels of fields, those of introspection left out. */
  depth: number;
  /** Lists and objects inside one another in one argument. */
  valueDepth: number;
  aliases: number;
  directives: number;
  directivesOnOneField: number;
  fragments: number;
  /** Fields as written. */
  fields: number;
  /** Fields of an operation with its fragments put in where they are used. */
  expandedFields: number;
  /** Fields at the top of one operation. */
  rootFields: number;
}

export const DOCUMENT_LIMITS: DocumentLimits = { depth: 12, valueDepth: 20, aliases: 50, directives: 50, directivesOnOneField: 5, fragments: 50, fields: 500, expandedFields: 2_000, rootFields: 20 };

export type DocumentMeasure = Record<keyof DocumentLimits, number> & { cyclic: boolean };

/** In what order they are told, and in which words. */
const WORDS: [keyof DocumentLimits, string][] = [
  ['depth', 'levels of fields'], ['valueDepth', 'levels in a value'], ['aliases', 'aliases'], ['directives', 'directives'], ['directivesOnOneField', 'directives on one field'], ['fragments', 'fragments'],
  ['rootFields', 'root fields'], ['fields', 'fields'], ['expandedFields', 'fields once its fragments are put in'],
];

export interface Excess {
  limit: keyof DocumentLimits;
  allowed: number;
  words: string;
}

/** The first limit a document goes beyond, or null. */
export function excessOf(measure: DocumentMeasure, limits: DocumentLimits): Excess | null {
  for (const [limit, words] of WORDS) if (measure[limit] > limits[limit]) return { limit, allowed: limits[limit], words };
  return null;
}

interface Shape {
  depth: number;
  fields: number;
  top: number;
}

/**
 * Measures a document before it is validated, in time linear in its length: each fragment is walked once, and where it is used its sums
 * are added, so that fragments of fragments of fragments cost nothing and still count for what they become.
 */
export function measureDocument(document: DocumentNode): DocumentMeasure {
  const measure: DocumentMeasure = { depth: 0, valueDepth: 0, aliases: 0, directives: 0, directivesOnOneField: 0, fragments: 0, fields: 0, expandedFields: 0, rootFields: 0, cyclic: false };
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) if (definition.kind === 'FragmentDefinition') fragments.set(definition.name.value, definition);
  const walk = new ShapeWalk(measure, fragments);
  for (const definition of document.definitions) {
    if (definition.kind === 'FragmentDefinition') {
      measure.fragments += 1;
      walk.fragment(definition.name.value);
    } else if (definition.kind === 'OperationDefinition') addOperation(measure, definition, walk);
  }
  return measure;
}

function addOperation(measure: DocumentMeasure, operation: OperationDefinitionNode, walk: ShapeWalk): void {
  walk.directives(operation);
  for (const variable of operation.variableDefinitions ?? []) {
    walk.directives(variable);
    walk.value(variable.defaultValue);
  }
  const shape = walk.set(operation.selectionSet);
  measure.depth = Math.max(measure.depth, shape.depth);
  measure.expandedFields = Math.max(measure.expandedFields, shape.fields);
  measure.rootFields = Math.max(measure.rootFields, shape.top);
}

class ShapeWalk {
  private readonly known = new Map<string, Shape | 'open'>();

  constructor(
    private readonly measure: DocumentMeasure,
    private readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  ) {}

  directives(node: { directives?: readonly unknown[] }): void {
    const count = node.directives?.length ?? 0;
    this.measure.directives += count;
    this.measure.directivesOnOneField = Math.max(this.measure.directivesOnOneField, count);
  }

  fragment(name: string): Shape {
    const none: Shape = { depth: 0, fields: 0, top: 0 };
    const known = this.known.get(name);
    if (known === 'open') {
      this.measure.cyclic = true;
      return none;
    }
    if (known) return known;
    const fragment = this.fragments.get(name);
    if (!fragment) return none;
    this.known.set(name, 'open');
    this.directives(fragment);
    const shape = this.set(fragment.selectionSet);
    this.known.set(name, shape);
    return shape;
  }

  set(set: SelectionSetNode): Shape {
    const sum: Shape = { depth: 0, fields: 0, top: 0 };
    for (const selection of set.selections) {
      const part = this.selection(selection);
      sum.depth = Math.max(sum.depth, part.depth);
      sum.fields += part.fields;
      sum.top += part.top;
    }
    return sum;
  }

  value(node: ValueNode | undefined, depth = 0): void {
    this.measure.valueDepth = Math.max(this.measure.valueDepth, depth);
    if (node?.kind === 'ListValue') for (const item of node.values) this.value(item, depth + 1);
    if (node?.kind === 'ObjectValue') for (const field of node.fields) this.value(field.value, depth + 1);
  }

  private selection(node: SelectionNode): Shape {
    this.directives(node);
    if (node.kind === 'FragmentSpread') return this.fragment(node.name.value);
    if (node.kind === 'InlineFragment') return this.set(node.selectionSet);
    this.measure.fields += 1;
    for (const argument of node.arguments ?? []) this.value(argument.value);
    if (node.alias) this.measure.aliases += 1;
    const inside = node.selectionSet ? this.set(node.selectionSet) : undefined;
    const depth = node.name.value.startsWith('__') ? 0 : 1 + (inside?.depth ?? 0);
    return { depth, fields: 1 + (inside?.fields ?? 0), top: 1 };
  }
}
