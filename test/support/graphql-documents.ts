import { getNamedType, isEnumType, isInputObjectType, isListType, isNonNullType, isScalarType, isObjectType, type GraphQLField, type GraphQLInputType } from 'graphql';

/** An operation of the graph with made-up values for all that it must be given. */
export interface MadeOperation {
  query: string;
  variables: Record<string, unknown>;
}

const SCALARS: Record<string, unknown> = { String: 'x1', ID: 'x1', Int: 1, Float: 1, Long: 1, Boolean: true, DateTime: '2099-01-01T00:00:00.000Z', StringMap: {}, JSON: {} };

/**
 * Asks for one field of a root type with what its arguments demand and no more, so that new operations are covered without being
 * named. What is called `tenant` and takes text is the given tenant; `validateOnly` is set wherever there is one.
 */
export function makeOperation(kind: 'query' | 'mutation' | 'subscription', field: GraphQLField<unknown, unknown>, tenant: string): MadeOperation {
  const given = field.args.filter(({ type, name }) => isNonNullType(type) && !name.startsWith('_'));
  const variables = Object.fromEntries(given.map(({ name, type }) => [name, makeValue(type, name, tenant)]));
  const declared = given.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const passed = given.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isObjectType(getNamedType(field.type)) ? ' { __typename }' : isScalarType(getNamedType(field.type)) || isEnumType(getNamedType(field.type)) ? '' : ' { __typename }';
  return { query: `${kind}${declared ? `(${declared})` : ''} { ${field.name}${passed ? `(${passed})` : ''}${selection} }`, variables };
}

function makeValue(type: GraphQLInputType, name: string, tenant: string): unknown {
  if (isNonNullType(type)) return makeValue(type.ofType, name, tenant);
  if (isListType(type)) return [makeValue(type.ofType, name, tenant)];
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    return {
      ...Object.fromEntries(fields.filter((field) => isNonNullType(field.type)).map((field) => [field.name, makeValue(field.type, field.name, tenant)])),
      ...(fields.some((field) => field.name === 'validateOnly') ? { validateOnly: true } : {}),
    };
  }
  if (name === 'tenant' && type.name === 'String') return tenant;
  if (!(type.name in SCALARS)) throw new Error(`no value is known for the scalar ${type.name}: add one to ${import.meta.url}`);
  return SCALARS[type.name];
}
