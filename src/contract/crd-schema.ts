/** Structural schema, as far as it is used here (apiextensions.k8s.io/v1 JSONSchemaProps). */
export interface Schema {
  type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  properties?: Record<string, Schema>;
  required?: readonly string[];
  items?: Schema;
  enum?: readonly string[];
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  default?: unknown;
  'x-kubernetes-list-type'?: 'map' | 'atomic' | 'set';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-validations'?: readonly { rule: string; message: string }[];
}

export const MAX_GENERATION = Number.MAX_SAFE_INTEGER;
export const MAX_REVISION = 2 ** 31 - 1;

export function integer(minimum: number, maximum: number, description: string): Schema {
  return { type: 'integer', format: maximum > 2 ** 31 - 1 ? 'int64' : 'int32', minimum, maximum, description };
}

export function text(pattern: string, maxLength: number, description: string): Schema {
  return { type: 'string', pattern, maxLength, description };
}

export function oneOf(values: readonly string[], description: string): Schema {
  return { type: 'string', enum: values, description };
}

/** Every field of `T` must be described: a field added to the contract and forgotten here does not compile. */
export type PropertiesOf<T> = { [K in keyof Required<T>]: Schema };

export function objectOf<T>(properties: PropertiesOf<T>, required: readonly (keyof T & string)[], rest: Partial<Schema> = {}): Schema {
  return { type: 'object', properties: properties as Record<string, Schema>, required, ...rest };
}
