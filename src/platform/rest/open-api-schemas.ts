import type { OpenAPIObject } from '@nestjs/swagger';

interface SchemaNode {
  type?: unknown;
  properties?: object;
  additionalProperties?: unknown;
}

const COMPONENT = '#/components/schemas/';

/** Unknown fields of requests are refused, and the document says so: in each schema that a request body reaches. */
export function closeRequestSchemas(document: OpenAPIObject): void {
  const schemas = (document.components?.schemas ?? {}) as Record<string, SchemaNode>;
  const reached = new Set<string>();
  const walk = (node: unknown): void => {
    for (const name of referencesIn(node)) {
      if (reached.has(name)) continue;
      reached.add(name);
      walk(schemas[name]);
    }
  };
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item as Record<string, { requestBody?: unknown }>)) walk(operation.requestBody);
  }
  for (const name of reached) {
    const schema = schemas[name];
    if (schema?.type === 'object' && schema.properties !== undefined) schema.additionalProperties ??= false;
  }
}

function referencesIn(node: unknown): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => (key === '$ref' && typeof value === 'string' && value.startsWith(COMPONENT) ? [value.slice(COMPONENT.length)] : referencesIn(value)));
}
