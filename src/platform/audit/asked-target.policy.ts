/** What a refused change was aimed at, as the caller named it: by UUID (`id`) or by name; nothing says that it exists. */
export interface AskedTarget {
  kind: string;
  id: string;
  name: string;
}

/** Where a request may name its target: route parameters, and the body or GraphQL input. */
export interface AskedFields {
  params: Readonly<Record<string, unknown>>;
  fields: Readonly<Record<string, unknown>>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const LONGEST = 128;
/** Fields by which things are told apart; no other field of a body is ever kept. */
const NAMING = ['name', 'subject', 'email'] as const;
/** Credentials that somebody pasted where a name belongs: API keys and the like, and tokens. */
const CREDENTIALS = /fnp[a-z]*_[0-9A-Za-z]+_[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]*\.?[\w-]*/g;
// eslint-disable-next-line no-control-regex -- Postgres takes no NUL in a text, and a log no line breaks
const CONTROLS = /[\u0000-\u001f\u007f]/g;

/** @param kind what stands before the action's dot, e.g. `api-key` */
export function askedTarget(kind: string, { params, fields }: AskedFields): AskedTarget {
  const tenant = text(params.tenant) ?? text(fields.tenant);
  const reference = kind === 'tenant' && tenant !== undefined ? tenant : lastParameter(params) ?? named(fields[camelCase(kind)]) ?? named(fields) ?? tenant ?? '';
  return toTarget(kind, reference);
}

/** For what was asked of a tenant the caller cannot see: the refusal is about that tenant, whatever lies inside it. */
export function askedTenant({ params, fields }: AskedFields): AskedTarget {
  return toTarget('tenant', text(params.tenant) ?? text(fields.tenant) ?? '');
}

function toTarget(kind: string, reference: string): AskedTarget {
  const safe = reference.replaceAll(CREDENTIALS, '[redacted]').replaceAll(CONTROLS, '').slice(0, LONGEST);
  return UUID.test(safe) ? { kind, id: safe, name: '' } : { kind, id: '', name: safe };
}

function lastParameter(params: AskedFields['params']): string | undefined {
  return text(Object.entries(params).filter(([name]) => name !== 'tenant').at(-1)?.[1]);
}

function named(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return text(value);
  return NAMING.map((field) => text((value as Record<string, unknown>)[field])).find((found) => found !== undefined);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function camelCase(kind: string): string {
  return kind.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
