import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import '../../app.module.js';
import { systemContext, tenantJobContext } from '../context/context.js';
import { Database, isUniqueViolation, postgresCode } from './database.js';

describe('one statement in one round trip', () => {
  let made: TestDatabase;
  let database: Database;
  const system = systemContext('test');
  const [ours, theirs] = [randomUUID(), randomUUID()];
  const inOurs = tenantJobContext('test', { id: ours, name: 'ours' });

  beforeAll(async () => {
    made = await createTestDatabase();
    database = new Database({ url: made.url, poolSize: 2 });
    await database.open();
    for (const [id, name] of [[ours, 'ours'], [theirs, 'theirs']]) {
      await database.statement(system, `INSERT INTO tenant (id, name, plan, state) VALUES ($1, $2, 'standard', 'active')`, [id, name]);
    }
  });
  afterAll(async () => {
    await database.close();
    await made.drop();
  });

  it('sees the rows of its scope and no others', async () => {
    expect(await database.statement(system, 'SELECT name FROM tenant ORDER BY name')).toEqual([{ name: 'ours' }, { name: 'theirs' }]);
    expect(await database.statement(inOurs, 'SELECT name FROM tenant ORDER BY name')).toEqual([{ name: 'ours' }]);
    expect(await database.statement(inOurs, 'SELECT current_user::text AS role, current_setting($1) AS tenant', ['app.tenant'])).toEqual([{ role: 'fnplane_tenant', tenant: ours }]);
  });

  it('plans for each role by itself, prepared or not', async () => {
    const statement = 'SELECT name FROM tenant ORDER BY name';
    for (let turn = 0; turn < 8; turn += 1) {
      expect(await database.statement(system, statement)).toHaveLength(2);
      expect(await database.statement(inOurs, statement)).toEqual([{ name: 'ours' }]);
      expect(await database.transaction(inOurs, () => database.statement(inOurs, statement))).toEqual([{ name: 'ours' }]);
      expect(await database.transaction(system, () => database.statement(inOurs, statement))).toHaveLength(2);
    }
  });

  it('leaves nothing of its scope on the connection', async () => {
    await database.statement(inOurs, 'SELECT 1');
    const seen = await database.dataSource.query(`SELECT current_user::text = session_user::text AS own, coalesce(current_setting('app.tenant', true), '') AS tenant`);
    expect(seen).toEqual([{ own: true, tenant: '' }]);
  });

  it('keeps what it wrote, and answers the rows that a change returns', async () => {
    expect(await database.statement(system, `UPDATE tenant SET display_name = 'Ours' WHERE id = $1 RETURNING name`, [ours])).toEqual([{ name: 'ours' }]);
    expect(await database.statement(system, `UPDATE tenant SET display_name = 'x' WHERE id = $1`, [randomUUID()])).toEqual([]);
    expect(await database.statement(inOurs, 'SELECT display_name FROM tenant')).toEqual([{ display_name: 'Ours' }]);
  });

  it('cannot write into another tenant', async () => {
    await expect(database.statement(inOurs, `INSERT INTO tenant_quota (tenant_id, overrides, reserved, version) VALUES ($1, '{}', '{}', 1)`, [theirs])).rejects.toThrow(/row-level security/);
    expect(await database.statement(inOurs, `UPDATE tenant SET display_name = 'stolen' WHERE id = $1 RETURNING name`, [theirs])).toEqual([]);
  });

  it('tells what was violated, and the connection goes on', async () => {
    const failed = await database.statement(system, `INSERT INTO tenant (id, name, plan, state) VALUES ($1, 'ours', 'standard', 'active')`, [randomUUID()]).catch((error: unknown) => error);
    expect(isUniqueViolation(failed, 'tenant_name_key')).toBe(true);
    const syntax = await Promise.all([1, 2, 3].map(() => database.statement(system, 'SELECT nothing').catch(postgresCode)));
    expect(syntax).toEqual(['42703', '42703', '42703']);
    expect(await database.statement(system, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('joins the open transaction, and is undone with it', async () => {
    await expect(database.transaction(system, async () => {
      await database.statement(system, `UPDATE tenant SET display_name = 'gone' WHERE id = $1`, [ours]);
      expect(await database.statement(inOurs, 'SELECT display_name FROM tenant WHERE id = $1', [ours])).toEqual([{ display_name: 'gone' }]);
      throw new Error('no');
    })).rejects.toThrow('no');
    expect(await database.statement(inOurs, 'SELECT display_name FROM tenant')).toEqual([{ display_name: 'Ours' }]);
    await expect(database.transaction(inOurs, () => database.statement(system, 'SELECT 1'))).rejects.toThrow(/cannot join/);
  });

  it('survives the end of its connection', async () => {
    const asked = database.statement(system, 'SELECT pg_sleep(20)').catch((error: unknown) => error);
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)' AND state = 'active' AND datname = current_database()`;
    await eventually(async () => expect(await database.dataSource.query(end)).toHaveLength(1), { withinMs: 5_000 });
    expect(postgresCode(await asked) ?? (await asked)).toBe('DATABASE_UNAVAILABLE');
    expect(await database.statement(system, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
