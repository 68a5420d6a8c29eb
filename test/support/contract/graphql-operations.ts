import {
  getNamedType, getNullableType, isEnumType, isInputObjectType, isInterfaceType, isListType, isNonNullType, isObjectType, isRequiredArgument, isRequiredInputField,
  type GraphQLField, type GraphQLInputField, type GraphQLInputType, type GraphQLNamedType, type GraphQLObjectType, type GraphQLOutputType, type GraphQLSchema,
} from 'graphql';
import { exampleOf, type Schema, type Schemas } from './examples.js';

/** One field of Query or Mutation. */
export interface GraphqlOperation {
  /** As failures name it: `Mutation.deployFunction`. */
  label: string;
  kind: 'query' | 'mutation';
  field: GraphQLField<unknown, unknown>;
}

export function operationsOf(schema: GraphQLSchema): GraphqlOperation[] {
  const of = (kind: 'query' | 'mutation', type: GraphQLObjectType | null | undefined): GraphqlOperation[] =>
    Object.values(type?.getFields() ?? {}).map((field) => ({ label: `${type!.name}.${field.name}`, kind, field }));
  return [...of('query', schema.getQueryType()), ...of('mutation', schema.getMutationType())];
}

const DEEPEST = 5;
/** A document may have 500; the root's own and its arguments' are among them. */
const MOST_FIELDS = 480;
/** Lists of what is asked for itself; those of what lies inside it are asked for where it is the root. A document may have so many fields and no more. */
const CONNECTIONS_TO = 1;

/** All that can be asked of a type without arguments: every scalar, lists and objects to a few levels, or fewer where that is too much for one document; no type inside itself. */
export function selectionOf(schema: GraphQLSchema, type: GraphQLOutputType | GraphQLNamedType, depth = 0): string {
  let deepest = DEEPEST;
  let selection = selectTo(deepest, schema, type, depth);
  while (deepest > 1 && fieldsIn(selection) > MOST_FIELDS) selection = selectTo(--deepest, schema, type, depth);
  return selection;
}

function fieldsIn(selection: string): number {
  return selection.match(/\w+/g)?.length ?? 0;
}

function selectTo(deepest: number, schema: GraphQLSchema, type: GraphQLOutputType | GraphQLNamedType, depth = 0, inside: readonly string[] = []): string {
  const named = getNamedType(type as GraphQLOutputType);
  // Types that share an interface may call different things alike: one document cannot ask for all of them.
  if (isInterfaceType(named)) return '{ __typename id }';
  if (!isObjectType(named)) return '';
  const fields = Object.values(named.getFields()).filter((field) => !field.args.some(isRequiredArgument)).flatMap((field) => {
    const inner = getNamedType(field.type);
    if (!isObjectType(inner) && !isInterfaceType(inner)) return [field.name];
    const tooMuch = depth >= deepest || inside.includes(inner.name) || field.name === 'edges' || (inner.name.endsWith('Connection') && depth >= CONNECTIONS_TO);
    return tooMuch ? [] : [`${field.name} ${selectTo(deepest, schema, inner, depth + 1, [...inside, named.name])}`];
  });
  return `{ __typename ${fields.join(' ')} }`;
}

/** The operation as a document with one variable an argument. */
export function documentOf(schema: GraphQLSchema, { kind, field }: GraphqlOperation): string {
  const variables = field.args.map(({ name, type, defaultValue }) => `$${name}: ${String(defaultValue === undefined ? type : getNullableType(type))}`).join(', ');
  const uses = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  return `${kind}${variables && `(${variables})`} { ${field.name}${uses && `(${uses})`} ${selectionOf(schema, field.type)} }`;
}

/** Input types in the words of JSON Schema, so that one generator serves both APIs. */
export function schemasOf(schema: GraphQLSchema): Schemas {
  return Object.fromEntries(Object.values(schema.getTypeMap()).filter(isInputObjectType).map((type) => [type.name, objectOf(Object.values(type.getFields()), isRequiredInputField)]));
}

function objectOf<Field extends { name: string; type: GraphQLInputType; defaultValue?: unknown }>(fields: readonly Field[], isRequired: (field: Field) => boolean): Schema {
  return { type: 'object', properties: Object.fromEntries(fields.map(({ name, type, defaultValue }) => [name, { ...inputOf(type), ...(defaultValue === undefined ? {} : { default: defaultValue }) }])), required: fields.filter(isRequired).map(({ name }) => name) };
}

function inputOf(type: GraphQLInputType): Schema {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return { type: 'array', items: inputOf(nullable.ofType as GraphQLInputType) };
  if (isInputObjectType(nullable)) return { $ref: nullable.name };
  if (isEnumType(nullable)) return { type: 'string', enum: nullable.getValues().map(({ name }) => name) };
  const scalars: Record<string, Schema> = {
    Int: { type: 'integer' }, Long: { type: 'integer' }, Float: { type: 'number' }, Boolean: { type: 'boolean' }, DateTime: { type: 'string', format: 'date-time' }, StringMap: { type: 'object' }, JSON: { type: 'object' },
  };
  return scalars[(nullable as GraphQLNamedType).name] ?? { type: 'string' };
}

/** Arguments the operation takes. @throws {NoExample} */
export function argumentsOf(schema: GraphQLSchema, { label, field }: GraphqlOperation): Record<string, unknown> {
  return exampleOf(objectOf(field.args, isRequiredArgument), schemasOf(schema), label) as Record<string, unknown>;
}

export interface Reference {
  /** Where in the arguments. */
  path: string[];
  /** What stands there: the name of a type. */
  type: string;
}

/** Where in an operation's arguments a thing is named: by `function: String`, `secrets: [String]`, or the `name` of what a mutation answers. */
export function referencesOf(schema: GraphQLSchema, operation: GraphqlOperation, aliases: Readonly<Record<string, string>>): Reference[] {
  const answered = operation.kind === 'mutation' ? Object.values((getNamedType(operation.field.type) as GraphQLObjectType).getFields()).map((field) => getNamedType(field.type).name) : [];
  const typeOf = (name: string): string | undefined => {
    const candidates = [name, name.replace(/s$/, '')].map((word) => aliases[word] ?? `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
    return candidates.find((candidate) => isNode(schema, candidate) || Object.values(aliases).includes(candidate));
  };
  const walk = (fields: readonly Pick<GraphQLInputField, 'name' | 'type'>[], path: string[]): Reference[] => fields.flatMap(({ name, type }) => {
    const named = getNamedType(type);
    if (isInputObjectType(named)) return path.length > 3 ? [] : walk(Object.values(named.getFields()), [...path, name]);
    if (!['String', 'ID'].includes(named.name)) return [];
    const found = name === 'name' && path.join() === 'input' ? answered.find((answer) => isNode(schema, answer) && answer !== 'Operation') : typeOf(name);
    if (found === undefined) return [];
    const list = isListType(isNonNullType(type) ? type.ofType : type);
    return [{ path: list ? [...path, name, '0'] : [...path, name], type: found }];
  });
  return walk(operation.field.args, []);
}

export function isNode(schema: GraphQLSchema, name: string): boolean {
  const type = schema.getType(name);
  return isObjectType(type) && type.getInterfaces().some((one) => one.name === 'Node');
}

/** A copy of `args` with `value` at `path`. */
export function withValue(args: unknown, path: readonly string[], value: unknown): Record<string, unknown> {
  const [name, ...rest] = path;
  if (name === undefined) return value as Record<string, unknown>;
  if (name === '0') return [withValue(undefined, rest, value)] as unknown as Record<string, unknown>;
  const object = (args ?? {}) as Record<string, unknown>;
  // Beside an archive no inline source may stand.
  return { ...(name === 'archive' ? {} : object), [name]: withValue(object[name], rest, value) };
}

/** Every object of an answer that has an id of its own, by type. */
export function nodesIn(value: unknown, found = new Map<string, Record<string, unknown>[]>()): Map<string, Record<string, unknown>[]> {
  if (Array.isArray(value)) value.forEach((item) => nodesIn(item, found));
  else if (typeof value === 'object' && value !== null) {
    const object = value as Record<string, unknown>;
    if (typeof object.id === 'string' && typeof object.__typename === 'string') found.set(object.__typename, [...(found.get(object.__typename) ?? []), object]);
    Object.values(object).forEach((item) => nodesIn(item, found));
  }
  return found;
}
