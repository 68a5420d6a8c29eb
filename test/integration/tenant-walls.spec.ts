import { randomUUID } from 'node:crypto';
import { Client, DatabaseError } from 'pg';
import type { EntityManager, EntityTarget, SelectQueryBuilder } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemContext, tenantJobContext, type Context } from '../../src/platform/context/context.js';
import { Database } from '../../src/platform/database/database.js';
import { TenantRepository } from '../../src/platform/database/tenant-repository.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { buildInsert, tenantTables, type TenantTable } from '../support/tenant-tables.js';
import { addKey, addMember, makeTeam, type Team } from '../support/teams.js';

/** `insufficient_privilege`: no right on the table, or a row that row-level security refuses. */
const REFUSED = '42501';
/** Tables without tenants' rows that every tenant may read: what the platform offers. A new one here must hold nothing of anybody. */
const PUBLISHED = ['cluster', 'plan', 'price'];

describe('the second wall around tenants\' rows', () => {
  let api: TestApi;
  let ours: Team;
  let theirs: Team;
  /** Owns the tables and stands above row-level security: sees what is really there. */
  let owner: Client;
  let tables: TenantTable[];

  beforeAll(async () => {
    api = await startApi();
    [ours, theirs] = [await makeTeam(api), await makeTeam(api)];
    for (const team of [ours, theirs]) await furnish(team);
    owner = new Client({ connectionString: api.config.DATABASE_URL });
    await owner.connect();
    tables = await tenantTables(owner);
    await relaxChecks();
    for (const table of tables) for (const team of [ours, theirs]) await fill(table, team.id);
  });
  afterAll(async () => {
    await owner?.end();
    await api?.stop();
  });
  afterEach(() => vi.restoreAllMocks());

  /** What a team makes through the API; a row for the tables this does not reach is made from the catalog. */
  async function furnish(team: Team): Promise<void> {
    await addMember(api, team, 'viewer');
    await addKey(api, team, 'developer');
    expect((await team.owner.post(`${team.path}/configs`, { name: 'settings', data: { A: '1' } })).status).toBe(201);
    expect((await team.owner.post(`${team.path}/secrets`, { name: 'tokens', data: { B: '2' } })).status).toBe(201);
    const deployed = await team.owner.put(`${team.path}/functions/hello`, { name: 'hello', runtime: 'node', source: { inline: { 'handler.mjs': 'export const handle = () => 1;' } }, configs: ['settings'], secrets: ['tokens'] });
    expect(deployed.status).toBe(202);
  }

  /** Made-up rows follow no rule of a domain; the database is this test's own. */
  async function relaxChecks(): Promise<void> {
    const { rows } = await owner.query<{ statement: string }>(`SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS statement FROM pg_constraint
      WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conrelid <> 0 AND coninhcount = 0`);
    for (const { statement } of rows) await owner.query(statement);
  }

  async function fill(table: TenantTable, tenantId: string): Promise<void> {
    const { rowCount } = await owner.query(`SELECT FROM ${table.name} WHERE ${table.owner} = $1 LIMIT 1`, [tenantId]);
    if (rowCount) return;
    await owner.query(`SET session_replication_role = replica`);
    try {
      const { text, values } = buildInsert(table, tenantId);
      await owner.query(text, values);
    } finally {
      await owner.query(`SET session_replication_role = origin`);
    }
  }

  const rowsOf = async (table: TenantTable, team: Team): Promise<string[]> =>
    (await owner.query<{ row: string }>(`SELECT t::text AS row FROM ${table.name} t WHERE ${table.owner} = $1 ORDER BY 1`, [team.id])).rows.map(({ row }) => row);

  /**
   * Runs a statement as a request of this tenant would, and takes it back. Foreign keys and triggers are off: only the wall may refuse.
   * @returns the number of rows, or that it was refused
   */
  async function asTenant(tenant: string | null, text: string, values: unknown[] = []): Promise<number | 'refused'> {
    await owner.query('BEGIN');
    try {
      await owner.query(`SET LOCAL session_replication_role = replica`);
      if (tenant !== null) await owner.query(`SELECT set_config('app.tenant', $1, true)`, [tenant]);
      await owner.query(`SELECT set_config('role', 'fnplane_tenant', true)`);
      return (await owner.query(text, values)).rowCount ?? 0;
    } catch (error) {
      if (error instanceof DatabaseError && error.code === REFUSED) return 'refused';
      throw error;
    } finally {
      await owner.query('ROLLBACK');
    }
  }

  it('stands around every table that holds them: forced, with one policy for tenants and one for the system', async () => {
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['api_key', 'audit_entry', 'function', 'member', 'secret_version', 'tenant', 'usage_record']));
    const { rows } = await owner.query<{ name: string; forced: boolean; policies: string[] }>(`
      SELECT c.oid::regclass::text AS name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
        ARRAY(SELECT concat_ws(' ', p.polname, p.polcmd, CASE WHEN p.polpermissive THEN 'permissive' END, array_to_string(ARRAY(SELECT rolname FROM pg_roles WHERE oid = ANY (p.polroles)), ','),
          pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY p.polname) AS policies
      FROM pg_class c WHERE c.oid = ANY ($1::text[]::regclass[]) ORDER BY 1`, [tables.map(({ name }) => name)]);
    expect(rows).toEqual(tables.map(({ name, owner: column }) => ({
      name, forced: true, policies: ['all_rows * permissive fnplane_system true true', `own_rows * permissive fnplane_tenant (${column} = current_tenant()) (${column} = current_tenant())`],
    })));
  });

  it('has no way round: tenants\' role owns nothing, passes no wall, and reads beside it only what the platform publishes', async () => {
    const { rows: roles } = await owner.query(`SELECT rolname, rolsuper, rolbypassrls, rolcanlogin, (SELECT count(*)::int FROM pg_class WHERE relowner = r.oid) AS owned FROM pg_roles r WHERE rolname IN ('fnplane_tenant', 'fnplane_system') ORDER BY 1`);
    expect(roles).toEqual(['fnplane_system', 'fnplane_tenant'].map((rolname) => ({ rolname, rolsuper: false, rolbypassrls: false, rolcanlogin: false, owned: 0 })));
    const { rows: beside } = await owner.query<{ name: string; kind: string; reads: boolean; writes: boolean; invoker: boolean }>(`
      SELECT c.oid::regclass::text AS name, c.relkind AS kind, has_any_column_privilege('fnplane_tenant', c.oid, 'SELECT') AS reads,
        has_table_privilege('fnplane_tenant', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege('fnplane_tenant', c.oid, 'INSERT, UPDATE') AS writes,
        coalesce(c.reloptions @> '{security_invoker=true}', false) AS invoker
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (c.oid = ANY ($1::text[]::regclass[]))`, [tables.map(({ name }) => name)]);
    // A view shows its owner's rows unless it is told to ask for its reader; a partition has no wall of its own.
    expect(beside.filter(({ reads, name, kind, invoker }) => reads && !(kind === 'v' && invoker) && !PUBLISHED.includes(name)).map(({ name }) => name)).toEqual([]);
    expect(beside.filter(({ writes }) => writes).map(({ name }) => name)).toEqual([]);
    for (const closed of ['idempotency_key', 'work_item']) expect(beside).toContainEqual({ name: closed, kind: 'r', reads: false, writes: false, invoker: false });
    const { rows: truncated } = await owner.query(`SELECT c.relname FROM pg_class c WHERE c.oid = ANY ($1::text[]::regclass[]) AND has_table_privilege('fnplane_tenant', c.oid, 'TRUNCATE')`, [tables.map(({ name }) => name)]);
    expect(truncated).toEqual([]);
  });

  it('hides others\' rows from statements without any filter, on every table', async () => {
    for (const table of tables) {
      const [own, others] = [await rowsOf(table, theirs), await rowsOf(table, ours)];
      expect([table.name, own.length > 0, others.length > 0]).toEqual([table.name, true, true]);
      const { name, owner: column, rights } = table;
      const expected = (verb: keyof typeof rights, count: number) => [name, verb, rights[verb] ? count : 'refused'];
      expect([name, 'SELECT', await asTenant(theirs.id, `SELECT FROM ${name}`)]).toEqual(expected('SELECT', own.length));
      expect([name, 'SELECT', await asTenant(theirs.id, `SELECT FROM ${name} WHERE ${column} = $1`, [ours.id])]).toEqual(expected('SELECT', 0));
      expect([name, 'UPDATE', await asTenant(theirs.id, `UPDATE ${name} SET ${column} = ${column}`)]).toEqual(expected('UPDATE', own.length));
      expect([name, 'UPDATE', await asTenant(theirs.id, `UPDATE ${name} SET ${column} = ${column} WHERE ${column} = $1`, [ours.id])]).toEqual(expected('UPDATE', 0));
      expect([name, 'DELETE', await asTenant(theirs.id, `DELETE FROM ${name}`)]).toEqual(expected('DELETE', own.length));
      expect([name, 'DELETE', await asTenant(theirs.id, `DELETE FROM ${name} WHERE ${column} = $1`, [ours.id])]).toEqual(expected('DELETE', 0));
    }
  });

  it('takes no row in for others, and lets none go over to them, on every table', async () => {
    for (const table of tables) {
      const { name, owner: column, rights } = table;
      const insert = async (tenant: string | null, whose: string) => {
        const { text, values } = buildInsert(table, whose);
        return asTenant(tenant, text, values);
      };
      // The same row for itself goes in, where the table takes one at all: nothing but the wall keeps the other out.
      if (name !== 'tenant' && !(await hasOneRowATenant(table))) expect([name, await insert(theirs.id, theirs.id)]).toEqual([name, rights.INSERT ? 1 : 'refused']);
      expect([name, await insert(theirs.id, ours.id)]).toEqual([name, 'refused']);
      const stranger = randomUUID();
      expect([name, await insert(theirs.id, stranger)]).toEqual([name, 'refused']);
      expect([name, await asTenant(theirs.id, `UPDATE ${name} SET ${column} = $1`, [ours.id])]).toEqual([name, 'refused']);
    }
  });

  async function hasOneRowATenant({ name, owner: column }: TenantTable): Promise<boolean> {
    const { rowCount } = await owner.query(`SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = $1::regclass AND i.indisunique AND i.indnkeyatts = 1 AND a.attname = $2`, [name, column]);
    return (rowCount ?? 0) > 0;
  }

  it.each([['is not set', null], ['is empty', ''], ['is a tenant there is not', randomUUID()]])('shows and takes nothing at all while app.tenant %s', async (_what, tenant) => {
    for (const table of tables) {
      const { name, owner: column, rights } = table;
      expect([name, await asTenant(tenant, `SELECT FROM ${name}`)]).toEqual([name, rights.SELECT ? 0 : 'refused']);
      expect([name, await asTenant(tenant, `UPDATE ${name} SET ${column} = ${column}`)]).toEqual([name, rights.UPDATE ? 0 : 'refused']);
      expect([name, await asTenant(tenant, `DELETE FROM ${name}`)]).toEqual([name, rights.DELETE ? 0 : 'refused']);
      const { text, values } = buildInsert(table, theirs.id);
      expect([name, await asTenant(tenant, text, values)]).toEqual([name, 'refused']);
    }
  });

  it('shows nothing of others through the API when the services forget their filter', async () => {
    const repository = TenantRepository.prototype as unknown as { entity: EntityTarget<object>; scoped(manager: EntityManager, context: Context, alias: string): SelectQueryBuilder<object> };
    const forgetful = vi.spyOn(repository, 'scoped').mockImplementation(function (this: typeof repository, manager, _context, alias) {
      return manager.createQueryBuilder(this.entity, alias).where('true');
    });
    const lists = { members: 'member', 'api-keys': 'api_key', configs: 'config_set', secrets: 'secret', functions: 'function', operations: 'operation' };
    for (const [list, table] of Object.entries(lists)) {
      const { status, body } = await theirs.owner.get(`${theirs.path}/${list}?limit=500`);
      const items = body.items as { id: string }[];
      expect([list, status, items.length > 0]).toEqual([list, 200, true]);
      const { rows } = await owner.query<{ tenant_id: string }>(`SELECT DISTINCT tenant_id FROM ${table} WHERE id = ANY ($1)`, [items.map(({ id }) => id)]);
      expect([list, rows.map((row) => row.tenant_id)]).toEqual([list, [theirs.id]]);
    }
    expect(forgetful.mock.calls.length).toBeGreaterThan(4);
    expect((await theirs.owner.get(`${theirs.path}/configs/${(await ours.owner.get(`${ours.path}/configs`)).body.items[0].id}`)).status).toBe(404);
  });

  it('is what hides them: the system\'s role, which has a wide gate in it, sees both', async () => {
    const database = api.plane.app.get(Database);
    const seen = async (context: Context): Promise<Set<string>> =>
      new Set((await database.statement<{ tenant_id: string }>(context, 'SELECT tenant_id FROM config_set')).map((row) => row.tenant_id));
    expect(await seen(systemContext('test'))).toEqual(new Set([ours.id, theirs.id]));
    expect(await seen(tenantJobContext('test', theirs))).toEqual(new Set([theirs.id]));
    const smuggled = database.statement(tenantJobContext('test', theirs), `INSERT INTO config_set (tenant_id, id, name, data) VALUES ($1, $2, $3, '{}')`, [ours.id, randomUUID(), randomName('set')]);
    await expect(smuggled).rejects.toThrow(/row-level security/);
  });
});
