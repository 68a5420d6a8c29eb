import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS } from '../../src/platform/database/migrations.js';
import { serverUrl } from '../support/postgres.js';

const SECRETS = 'ExtendSecretVersions1795564800060';

/** As an installation has it: the login role owns its database and is no superuser, so that row-level security binds it too. */
describe('a database that is brought up to date', () => {
  const login = `owner_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  let url: string;

  async function as<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ connectionString: address });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  async function migrate(names: (name: string) => boolean): Promise<void> {
    const source = await new DataSource({ type: 'postgres', url, migrations: MIGRATIONS.filter(({ name }) => names(name)), migrationsTransactionMode: 'each' }).initialize();
    await source.runMigrations().finally(() => source.destroy());
  }

  beforeAll(async () => {
    await as(serverUrl(), async (admin) => {
      await admin.query(`CREATE ROLE ${login} LOGIN PASSWORD '${password}'`);
      await admin.query(`GRANT fnplane_tenant, fnplane_system TO ${login}`);
      await admin.query(`CREATE DATABASE ${login} OWNER ${login}`);
    });
    const address = new URL(serverUrl());
    Object.assign(address, { username: login, password, pathname: `/${login}` });
    url = address.toString();
  });
  afterAll(() => as(serverUrl(), async (admin) => {
    await admin.query(`DROP DATABASE IF EXISTS ${login} WITH (FORCE)`);
    await admin.query(`DROP ROLE IF EXISTS ${login}`);
  }));

  it('notes the names of the current versions of secrets that were there before', async () => {
    const before = MIGRATIONS.findIndex(({ name }) => name === SECRETS);
    expect(before).toBeGreaterThan(0);
    await migrate((name) => MIGRATIONS.findIndex((migration) => migration.name === name) < before);
    const [tenant, secret] = [randomUUID(), randomUUID()];
    const system = (text: string, values: unknown[] = []) => as(url, async (client) => {
      await client.query('SET ROLE fnplane_system');
      return client.query(text, values);
    });
    await system(`INSERT INTO tenant (id, name, plan, state) VALUES ($1, 'shop', 'standard', 'active')`, [tenant]);
    await system(`INSERT INTO secret (tenant_id, id, name, keys, current_version) VALUES ($1, $2, 'db', '{A,B}', 2)`, [tenant, secret]);
    await system(`INSERT INTO encryption_key (id, provider) VALUES ('k', 'local')`);
    for (const number of [1, 2]) await system(`INSERT INTO secret_version (tenant_id, secret_id, number, key_id, wrapped_key, sealed) VALUES ($1, $2, $3, 'k', '\\x00', '\\x00')`, [tenant, secret, number]);
    await migrate(() => true);
    expect((await system('SELECT number, keys, created_by, destroyed_at FROM secret_version ORDER BY number')).rows).toEqual([
      { number: 1, keys: null, created_by: null, destroyed_at: null }, { number: 2, keys: ['A', 'B'], created_by: null, destroyed_at: null },
    ]);
    await expect(system('UPDATE secret_version SET sealed = NULL')).rejects.toThrow(/secret_version_destroyed/);
  });
});
