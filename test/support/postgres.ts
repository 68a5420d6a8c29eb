import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** Address of the Postgres the run's global set-up started (or the caller gave). */
export function serverUrl(): string {
  const url = process.env.FNPLANE_TEST_DATABASE_URL;
  if (!url) throw new Error('FNPLANE_TEST_DATABASE_URL is not set: start the tests through `npm test`');
  return url;
}

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

function databaseUrl(name: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${name}`;
  return url.toString();
}

async function asAdmin<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export const TEMPLATE = 'fnplane_template';

/** A database of the caller's own, cloned from the migrated template. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `t_${randomBytes(8).toString('hex')}`;
  await asAdmin((client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`));
  return {
    url: databaseUrl(name),
    drop: () => asAdmin(async (client) => {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }),
  };
}

/** Makes the template anew: called once by the run's set-up. */
export async function createTemplate(migrate: (url: string) => Promise<void>): Promise<void> {
  await asAdmin(async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${TEMPLATE}`);
  });
  await migrate(databaseUrl(TEMPLATE));
}
