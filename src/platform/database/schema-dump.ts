import type { DataSource } from 'typeorm';

const TABLES = `
SELECT c.relname AS name, c.relrowsecurity AS secured, c.relforcerowsecurity AS forced,
  (SELECT string_agg(format('  %I %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
      coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')), E',\\n' ORDER BY a.attname)
   FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname <> 'migrations' ORDER BY c.relname`;

/** NOT NULL constraints are left out: newer servers list them, older ones do not; the columns say it already. */
const CONSTRAINTS = `
SELECT r.relname AS name, format('ALTER TABLE %I ADD CONSTRAINT %I %s;', r.relname, c.conname, pg_get_constraintdef(c.oid)) AS line
FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid WHERE r.relnamespace = 'public'::regnamespace AND r.relname <> 'migrations' AND c.contype <> 'n' ORDER BY r.relname, c.conname`;

const INDEXES = `
SELECT i.tablename AS name, i.indexdef || ';' AS line FROM pg_indexes i
WHERE i.schemaname = 'public' AND i.tablename <> 'migrations' AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conname = i.indexname AND c.connamespace = 'public'::regnamespace) ORDER BY i.tablename, i.indexname`;

const POLICIES = `
SELECT tablename AS name, format('CREATE POLICY %I ON %I FOR %s TO %s USING (%s)%s;', policyname, tablename, cmd, array_to_string(roles, ', '), qual, coalesce(' WITH CHECK (' || with_check || ')', '')) AS line
FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename, policyname`;

const GRANTS = `
SELECT table_name AS name, format('GRANT %s ON %I TO %I;', string_agg(privilege_type, ', ' ORDER BY privilege_type), table_name, grantee) AS line
FROM information_schema.role_table_grants WHERE table_schema = 'public' AND grantee IN ('fnplane_tenant', 'fnplane_system') GROUP BY table_name, grantee ORDER BY table_name, grantee`;

const TRIGGERS = `
SELECT r.relname AS name, pg_get_triggerdef(t.oid) || ';' AS line
FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid WHERE r.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal ORDER BY r.relname, t.tgname`;

const FUNCTIONS = `
SELECT pg_get_functiondef(p.oid) AS line FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' ORDER BY p.proname`;

interface Line {
  name: string;
  line: string;
}

/** The schema as the migrations leave it, in one readable text that is the same on every supported Postgres. */
export async function dumpSchema(source: DataSource): Promise<string> {
  const tables = await source.query<{ name: string; columns: string; secured: boolean; forced: boolean }[]>(TABLES);
  const parts = await Promise.all([CONSTRAINTS, INDEXES, TRIGGERS, POLICIES, GRANTS].map((query) => source.query<Line[]>(query)));
  const functions = await source.query<{ line: string }[]>(FUNCTIONS);
  const blocks = tables.map(({ name, columns, secured, forced }) => [
    `CREATE TABLE ${name} (\n${columns}\n);`,
    ...(secured ? [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;`] : []),
    ...(forced ? [`ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;`] : []),
    ...parts.flatMap((lines) => lines.filter((line) => line.name === name).map((line) => line.line)),
  ].join('\n'));
  return `-- Generated from the migrations by \`npm run generate\`; do not edit.\n\n${[...functions.map(({ line }) => `${line.trim()};`), ...blocks].join('\n\n')}\n`;
}
