import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';

function literal(node: ValueNode): unknown {
  switch (node.kind) {
    case Kind.NULL: return null;
    case Kind.INT:
    case Kind.FLOAT: return Number(node.value);
    case Kind.STRING:
    case Kind.BOOLEAN:
    case Kind.ENUM: return node.value;
    case Kind.LIST: return node.values.map(literal);
    case Kind.OBJECT: return Object.fromEntries(node.fields.map((field) => [field.name.value, literal(field.value)]));
    default: throw new GraphQLError('Variables cannot stand inside this value; pass the whole value as one variable.');
  }
}

/** Any JSON value. */
export const JsonScalar = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value.',
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: literal,
});

function stringMap(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new GraphQLError('StringMap must be an object of strings.');
  return value as Record<string, string>;
}

/** An object whose values are strings (in patches also null, to remove an entry). */
export const StringMapScalar = new GraphQLScalarType({
  name: 'StringMap',
  description: 'An object whose values are strings.',
  serialize: stringMap,
  parseValue: stringMap,
  parseLiteral: (node) => stringMap(literal(node)),
});

function long(value: unknown): number {
  const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw new GraphQLError('Long must be a whole number within 53 bits.');
  return number;
}

/** Whole numbers up to 2^53 - 1. */
export const LongScalar = new GraphQLScalarType({
  name: 'Long',
  description: 'A whole number of up to 53 bits.',
  serialize: long,
  parseValue: long,
  parseLiteral: (node) => long(literal(node)),
});
