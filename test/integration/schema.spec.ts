import { readFile, writeFile } from 'node:fs/promises';
import '../../src/app.module.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemContext, tenantJobContext } from '../../src/platform/context/context.js';
import { Database } from '../../src/platform/database/database.js';
import { dumpSchema } from '../../src/platform/database/schema-dump.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';

const SYSTEM = systemContext('test');
const A = { id: '0a000000-0000-4000-8000-00000000000a', name: 'tenant-a' };
const B = { id: '0b000000-0000-4000-8000-00000000000b', name: 'tenant-b' };

describe('the schema', () => {
  let server: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    server = await createTestDatabase();
    database = new Database({ url: server.url, poolSize: 4 });
    await database.open();
    for (const { id, name } of [A, B]) {
      await database.transaction(SYSTEM, (manager) => manager.query(`INSERT INTO tenant (id, name, plan, state) VALUES ($1, $2, 'standard', 'active')`, [id, name]));
      await database.transaction(SYSTEM, (manager) => manager.query(`INSERT INTO config_set (tenant_id, id, name, data) VALUES ($1, gen_random_uuid(), 'settings', '{}')`, [id]));
    }
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  it('is what migrations/schema.sql says', async () => {
    const text = await dumpSchema(database.dataSource);
    if (process.env.FNPLANE_GENERATE) await writeFile('migrations/schema.sql', text);
    expect(await readFile('migrations/schema.sql', 'utf8')).toBe(text);
  });

  it('hides the rows of others where a query forgets its filter', async () => {
    const rows = await database.transaction(tenantJobContext('test', B), (manager) => manager.query<{ tenant_id: string }[]>('SELECT tenant_id FROM config_set'));
    expect(rows.map((row) => row.tenant_id)).toEqual([B.id]);
    const all = await database.transaction(SYSTEM, (manager) => manager.query<unknown[]>('SELECT tenant_id FROM config_set'));
    expect(all).toHaveLength(2);
  });

  it('takes no row into another tenant', async () => {
    await expect(database.transaction(tenantJobContext('test', B), (manager) => manager.query(`INSERT INTO config_set (tenant_id, id, name, data) VALUES ($1, gen_random_uuid(), 'intruder', '{}')`, [A.id])))
      .rejects.toThrow(/row-level security/);
    const [, changed] = await database.transaction(tenantJobContext('test', B), (manager) => manager.query<[unknown, number]>(`UPDATE config_set SET name = 'changed' WHERE tenant_id = $1`, [A.id]));
    expect(changed).toBe(0);
  });

  it('protects every table with rows of tenants', async () => {
    const bare = await database.dataSource.query<{ name: string }[]>(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT (c.relrowsecurity AND c.relforcerowsecurity)`);
    expect(bare).toEqual([]);
  });

  it('leaves nothing of a tenant behind on a pooled connection', async () => {
    await database.transaction(tenantJobContext('test', A), (manager) => manager.query('SELECT 1'));
    const seen = await database.dataSource.query<{ role: string; tenant: string | null }[]>(`SELECT current_user AS role, nullif(current_setting('app.tenant', true), '') AS tenant`);
    expect(seen[0]).toMatchObject({ tenant: null });
    expect(seen[0]!.role).not.toMatch(/^fnplane_/);
  });
});
