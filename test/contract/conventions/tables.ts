import { Client } from 'pg';
import type { World } from './world.js';

/** Tables in which a request leaves traces that are no part of what it changes. */
const BESIDE_THE_CHANGE = ['idempotency_key'];
/** What every request may write to, whatever it asks for: buckets of rate limits. */
const OF_EVERY_REQUEST = ['rate_bucket'];

/** Number of rows and checksum of every table: two of these are equal only when no row anywhere was added, changed or taken away. */
export async function tables(world: World, options: { all?: boolean } = {}): Promise<Record<string, string>> {
  const source = world.api.plane.database.dataSource;
  const names = await source.query<{ name: string }[]>(`SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname`);
  const looked = names.map(({ name }) => name).filter((name) => !OF_EVERY_REQUEST.includes(name) && (options.all || !BESIDE_THE_CHANGE.includes(name)));
  const rows = await source.query<{ name: string; state: string }[]>(looked.map((name) =>
    `SELECT '${name}' AS name, count(*) || ' ' || coalesce(md5(string_agg(md5(row::text), '' ORDER BY row::text)), '') AS state FROM "${name}" row`).join(' UNION ALL '));
  return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
}

export interface AuditRow {
  action: string;
  result: string;
  code: string | null;
  principal: string;
  tenantId: string | null;
}

export function auditOf(world: World, requestId: string): Promise<AuditRow[]> {
  return world.api.plane.database.dataSource.query<AuditRow[]>('SELECT action, result, code, principal, tenant_id AS "tenantId" FROM audit_entry WHERE request_id = $1 ORDER BY at, id', [requestId]);
}

const GATE = 4_711;

/** Each change waits at its audit entry, or where it leaves none at its row, for a lock that is free but while {@link whileChangesWait} holds it. */
export async function buildGate(world: World): Promise<void> {
  await world.api.plane.database.dataSource.query(`
    CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(${GATE}); RETURN NEW; END $$;
    CREATE TRIGGER gate BEFORE INSERT ON audit_entry FOR EACH ROW WHEN (NEW.result = 'done') EXECUTE FUNCTION wait_at_gate();
    CREATE TRIGGER gate BEFORE INSERT ON async_invocation FOR EACH ROW EXECUTE FUNCTION wait_at_gate()`);
}

/** Lets no change come to its end while `work` runs. */
export async function whileChangesWait<T>(world: World, work: () => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: world.api.config.DATABASE_URL });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [GATE]);
    return await work();
  } finally {
    await client.end();
  }
}

export async function isRunning(world: World, key: string): Promise<boolean> {
  const rows = await world.api.plane.database.dataSource.query<unknown[]>(`SELECT 1 FROM idempotency_key WHERE key = $1 AND state = 'running'`, [key]);
  return rows.length > 0;
}
