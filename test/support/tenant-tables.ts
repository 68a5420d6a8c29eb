import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type { Client } from 'pg';

/** A table with rows of tenants, as the catalog describes it. */
export interface TenantTable {
  name: string;
  /** The column that says whose a row is. */
  owner: string;
  columns: { name: string; type: string; needed: boolean }[];
  /** Rights of the role that requests run as. */
  rights: Record<Verb, boolean>;
}

export const VERBS = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
export type Verb = (typeof VERBS)[number];

/** Every table with a `tenant_id`, and the tenants themselves: found, so that a new one is covered without being named. */
export async function tenantTables(client: Client): Promise<TenantTable[]> {
  const { rows } = await client.query<Omit<TenantTable, 'rights'> & { rights: boolean[] }>(`
    SELECT c.oid::regclass::text AS name, owner.attname AS owner,
      (SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL), 'needed', a.attnotnull AND NOT a.atthasdef) ORDER BY a.attnum)
       FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = '') AS columns,
      ARRAY(SELECT has_table_privilege('fnplane_tenant', c.oid, verb) FROM unnest($1::text[]) WITH ORDINALITY AS wanted (verb, place) ORDER BY place) AS rights
    FROM pg_class c JOIN pg_attribute owner ON owner.attrelid = c.oid AND (owner.attname = 'tenant_id' OR (c.relname = 'tenant' AND owner.attname = 'id'))
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    ORDER BY 1`, [VERBS]);
  return rows.map((row) => ({ ...row, rights: Object.fromEntries(VERBS.map((verb, index) => [verb, row.rights[index]!])) as Record<Verb, boolean> }));
}

/** Puts a row of made-up values into the table; what the table can fill in itself is left to it. */
export function buildInsert({ name, owner, columns }: TenantTable, tenantId: string): { text: string; values: unknown[] } {
  const given = columns.filter((column) => column.needed || column.name === owner);
  const values = given.map((column) => (column.name === owner ? tenantId : makeValue(column.type, `${name}.${column.name}`)));
  return { text: `INSERT INTO ${name} (${given.map((column) => `"${column.name}"`).join(', ')}) VALUES (${given.map((_, index) => `$${index + 1}`).join(', ')})`, values };
}

function makeValue(type: string, where: string): unknown {
  const array = type.endsWith('[]');
  const value = makeScalar(array ? type.slice(0, -2) : type, where);
  return array ? [value] : value;
}

function makeScalar(type: string, where: string): unknown {
  switch (type) {
    case 'uuid': return randomUUID();
    case 'text': case 'character varying': case 'name': return randomBytes(6).toString('hex');
    case 'character': return 'x';
    case 'bigint': return randomInt(1, 2 ** 40);
    case 'smallint': case 'integer': case 'numeric': case 'real': case 'double precision': return 1;
    case 'boolean': return true;
    case 'timestamp with time zone': case 'timestamp without time zone': case 'date': return new Date();
    case 'json': case 'jsonb': return '{}';
    case 'bytea': return randomBytes(8);
    case 'interval': return '1 second';
    case 'inet': case 'cidr': return '192.0.2.1';
    case 'tstzrange': return '[2026-01-01T00:00:00Z,2026-02-01T00:00:00Z)';
    default: throw new Error(`no value is known for ${where} of type ${type}: add one to test/support/tenant-tables.ts`);
  }
}
