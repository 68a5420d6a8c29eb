import { Client } from 'pg';

/** Count and checksum of a tenant's rows in every table that has any, read past row-level security. */
export async function rowSums(databaseUrl: string, tenantId: string): Promise<Record<string, string>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string; column: string }>(`
      SELECT table_name AS name, column_name AS column FROM information_schema.columns
      WHERE table_schema = 'public' AND (column_name IN ('tenant_id', 'fair_group') OR (table_name = 'tenant' AND column_name = 'id')) ORDER BY 1, 2`);
    const sums: Record<string, string> = {};
    for (const { name, column } of tables) {
      const { rows } = await client.query<{ sum: string }>(`SELECT count(*) || ' ' || coalesce(md5(string_agg(row::text, chr(10) ORDER BY row::text)), '') AS sum FROM "${name}" AS row WHERE row."${column}"::text = $1`, [tenantId]);
      sums[`${name}.${column}`] = rows[0]!.sum;
    }
    return sums;
  } finally {
    await client.end();
  }
}

/** Every name, id and text of a tenant that could betray it in another's answer: ids of all its rows, and its names. */
export async function identities(databaseUrl: string, tenantId: string): Promise<Set<string>> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows: columns } = await client.query<{ table: string; column: string }>(`
      SELECT c.table_name AS table, c.column_name AS column FROM information_schema.columns c
      WHERE c.table_schema = 'public' AND (c.data_type = 'uuid' OR c.column_name IN ('name', 'digest', 'subject', 'prefix'))
        -- What events are about bears the names of other tables.
        AND (c.table_name, c.column_name) <> ('platform_event', 'subject')
        AND (c.table_name = 'tenant' OR EXISTS (SELECT FROM information_schema.columns t WHERE t.table_schema = 'public' AND t.table_name = c.table_name AND t.column_name = 'tenant_id'))`);
    const found = new Set<string>();
    for (const { table, column } of columns) {
      const owner = table === 'tenant' ? 'id' : 'tenant_id';
      const { rows } = await client.query<{ value: string | null }>(`SELECT DISTINCT "${column}"::text AS value FROM "${table}" WHERE "${owner}" = $1`, [tenantId]);
      for (const { value } of rows) if (value !== null && value.length >= 8) found.add(value);
    }
    // What all tenants share is no secret of one.
    const { rows: shared } = await client.query<{ value: string }>(`SELECT id::text AS value FROM cluster`);
    for (const { value } of shared) found.delete(value);
    return found;
  } finally {
    await client.end();
  }
}
