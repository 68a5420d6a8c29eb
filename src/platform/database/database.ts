import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { DatabaseError, type ClientBase } from 'pg';
import { DataSource, getMetadataArgsStorage, QueryFailedError, type EntityManager, type QueryRunner } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import type { Context } from '../context/context.js';
import { DomainError } from '../errors/domain-error.js';
import { partLogger } from '../observability/logger.js';
import { openPools, type ConnectionPool } from './database-metrics.js';
import { MIGRATIONS } from './migrations.js';
import { ScopedQuery, type StatementScope } from './scoped-query.js';
import { SnakeNaming } from './snake-naming.js';
import { NOT_STORABLE } from './storable-text.js';
import { TenantTurns } from './tenant-turns.js';

const log = partLogger('database');
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

interface Session {
  manager: EntityManager;
  /** `tenant:<id>` or `system`: a nested call for another scope would see the wrong rows, so it is refused. */
  scope: string;
  beforeCommit: (() => Promise<void>)[];
  afterCommit: (() => void)[];
}

export interface DatabaseOptions {
  url: string;
  poolSize: number;
  applicationName?: string;
}

/** Longest a statement may run before Postgres ends it, and longest a transaction may sit idle: a stuck client must not hold locks. */
const STATEMENT_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Work of one tenant that may wait for its part of the connections. */
const MOST_WAITING = 1_000;
const LONGEST_WAIT_MS = 10_000;
const TENANT_ROLE = 'fnplane_tenant';
const SYSTEM_ROLE = 'fnplane_system';
/** Prepared statements live in every connection: a bound far above what the code holds. */
const MOST_STATEMENTS = 1_000;

/**
 * The one way to Postgres: every statement runs inside {@link Database.transaction}, which takes the database role and the
 * tenant of its context for the length of the transaction. Nested calls join the transaction that is open.
 */
export class Database {
  readonly dataSource: DataSource;
  private readonly session = new AsyncLocalStorage<Session>();
  private readonly turns: TenantTurns;

  constructor(options: DatabaseOptions) {
    // Half of the connections: one tenant alone is not slowed, and never holds what the others need.
    this.turns = new TenantTurns({ perTenant: Math.ceil(options.poolSize / 2), maxWaiting: MOST_WAITING, maxWaitMs: LONGEST_WAIT_MS });
    this.dataSource = new DataSource({
      type: 'postgres',
      url: options.url,
      // Every class marked @Entity that was loaded by now: the app module imports all domains before it opens the database.
      entities: getMetadataArgsStorage().tables.map((table) => table.target),
      namingStrategy: new SnakeNaming(),
      migrations: MIGRATIONS,
      migrationsTransactionMode: 'each',
      applicationName: options.applicationName ?? 'fnplane',
      connectTimeoutMS: CONNECT_TIMEOUT_MS,
      poolErrorHandler: (error: unknown) => log.warn({ err: error }, 'a pooled database connection failed'),
      extra: { max: options.poolSize, statement_timeout: STATEMENT_TIMEOUT_MS, idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS, keepAlive: true },
    });
  }

  async open(): Promise<void> {
    await this.dataSource.initialize();
    openPools.add(this.pool);
  }

  async close(): Promise<void> {
    if (!this.dataSource.isInitialized) return;
    openPools.delete(this.pool);
    await this.dataSource.destroy();
  }

  /** Brings the schema up to date; several processes may call it at once: one does the work, the others wait. */
  async migrate(): Promise<number> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.query(`SET statement_timeout = 0`);
      await runner.query(`SELECT pg_advisory_lock(hashtext('fnplane.migrations'))`);
      const done = await this.dataSource.runMigrations();
      return done.length;
    } finally {
      await runner.query(`SELECT pg_advisory_unlock(hashtext('fnplane.migrations'))`).catch(() => undefined);
      await runner.query(`SET statement_timeout = ${STATEMENT_TIMEOUT_MS}`).catch(() => undefined);
      await runner.release();
    }
  }

  /** Whether every migration of this build has run. */
  async isMigrated(): Promise<boolean> {
    return !(await this.dataSource.showMigrations());
  }

  /** `select 1` outside any transaction, for readiness. */
  async ping(): Promise<void> {
    await this.dataSource.query('SELECT 1');
  }

  /**
   * Runs `work` in one transaction under the context's scope, or joins the open one of the same scope.
   * Serialisation failures and deadlocks are answered as a retryable `unavailable`.
   * @throws {DomainError} DATABASE_UNAVAILABLE when no connection can be had, DATABASE_BUSY when too much of the tenant's waits.
   */
  async transaction<T>(context: Context, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const scope = context.scope === 'tenant' ? `tenant:${context.tenantId}` : 'system';
    const open = this.session.getStore();
    if (open) {
      // Work for one tenant may be part of the system's (creating the tenant itself), never of another tenant's.
      if (open.scope !== scope && open.scope !== 'system') throw new Error(`a transaction of scope ${open.scope} is open; ${scope} cannot join it`);
      return work(open.manager);
    }
    return this.inTurn(context, () => this.alone(context, scope, work));
  }

  private async alone<T>(context: Context, scope: string, work: (manager: EntityManager) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const session: Session = { manager: runner.manager, scope, beforeCommit: [], afterCommit: [] };
    let result: T;
    try {
      await begin(runner, context);
      result = await this.session.run(session, async () => {
        const made = await work(runner.manager);
        for (const action of session.beforeCommit) await action();
        return made;
      });
      await runner.query('COMMIT');
    } catch (error) {
      await runner.query('ROLLBACK').catch(() => undefined);
      throw translate(error);
    } finally {
      markTransaction(runner, false);
      await runner.release();
    }
    for (const action of session.afterCommit) action();
    return result;
  }

  /**
   * One statement under the context's scope: in the open transaction, or in one of its own that takes a single round trip
   * where {@link transaction} takes three. For what is asked often: it is prepared once a connection, so `text` must be one of
   * few, with everything that varies in `values`. Rows are as Postgres names them.
   * @throws {DomainError} as {@link transaction}.
   */
  async statement<Row extends object>(context: Context, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const open = this.session.getStore();
    if (open) return this.transaction(context, (manager) => prepared(manager, open.scope === 'system' ? SYSTEM_ROLE : TENANT_ROLE, text, values));
    return this.inTurn(context, () => this.single<Row>(context, text, values));
  }

  private get pool(): ConnectionPool {
    return (this.dataSource.driver as PostgresDriver).master as ConnectionPool;
  }

  private async single<Row extends object>(context: Context, text: string, values: readonly unknown[]): Promise<Row[]> {
    const scope = scopeOf(context);
    const query = new ScopedQuery(scope, statementName(scope.role, text), text, values);
    let connection: [client: ClientBase, release: (error?: Error) => void] | undefined;
    let broken: Error | undefined;
    const onError = (error: Error): void => { broken = error; };
    try {
      connection = (await (this.dataSource.driver as PostgresDriver).obtainMasterConnection()) as typeof connection & object;
      const [client] = connection;
      // The pool listens only while a connection is idle; a breakdown nobody listens to would end the process.
      client.on('error', onError);
      const result = query.result<Row>();
      client.query(query);
      return (await result).rows;
    } catch (error) {
      // Anything else leaves the connection as good as it was.
      if (!(error instanceof DatabaseError) || error.severity === 'FATAL') broken ??= error as Error;
      throw translate(error instanceof DatabaseError ? new QueryFailedError(text, [...values], error) : error);
    } finally {
      connection?.[0].off('error', onError);
      connection?.[1](broken);
    }
  }

  /** A tenant's work waits here, and not with a connection in its hands, while the tenant has its part of them. */
  private async inTurn<T>(context: Context, work: () => Promise<T>): Promise<T> {
    if (context.scope !== 'tenant') return work();
    const turn = this.turns.enter(context.tenantId);
    if (turn) await turn;
    try {
      return await work();
    } finally {
      this.turns.leave(context.tenantId);
    }
  }

  /**
   * Runs `action` in the open transaction after all else in it: for a row that many transactions of a tenant lock. Held last and shortest, nobody who has it waits
   * for anybody. What is only checked (`validateOnly`) does not come so far.
   */
  beforeCommit(action: () => Promise<void>): void {
    const open = this.session.getStore();
    if (!open) throw new Error('no transaction is open');
    open.beforeCommit.push(action);
  }

  /** Runs `action` once the open transaction has committed (never after a rollback); at once where none is open. */
  afterCommit(action: () => void): void {
    const open = this.session.getStore();
    if (open) open.afterCommit.push(action);
    else action();
  }

  /**
   * Leaves the open transaction for the length of `work`: for writes that must stay when it rolls back (refusals in the audit log).
   * Not for the same tenant's scope: it would wait for a turn that the open transaction holds.
   */
  outside<T>(work: () => Promise<T>): Promise<T> {
    return this.session.exit(work);
  }
}

/** BEGIN, role and tenant go in one round trip; the uuid is checked here because that form takes no parameters. */
async function begin(runner: QueryRunner, context: Context): Promise<void> {
  const { role, tenant } = scopeOf(context);
  await runner.connect();
  await runner.query(`BEGIN; SELECT set_config('role', '${role}', true), set_config('app.tenant', '${tenant}', true)`);
  // TypeORM's own save() must see that a transaction is open, or it would begin and commit one inside ours.
  markTransaction(runner, true);
}

function scopeOf(context: Context): StatementScope {
  if (context.scope !== 'tenant') return { role: SYSTEM_ROLE, tenant: '' };
  if (!UUID.test(context.tenantId)) throw new Error('a tenant context must hold a uuid');
  return { role: TENANT_ROLE, tenant: context.tenantId };
}

/** In the open transaction, past TypeORM's own bookkeeping. */
async function prepared<Row extends object>(manager: EntityManager, role: string, text: string, values: readonly unknown[]): Promise<Row[]> {
  const client = (await manager.queryRunner!.connect()) as ClientBase;
  try {
    return (await client.query<Row>({ name: statementName(role, text), text, values: [...values] })).rows;
  } catch (error) {
    throw error instanceof DatabaseError ? new QueryFailedError(text, [...values], error) : error;
  }
}

const names = new Map<string, string>();

/** Plans depend on the role by row-level security: each role has its own. */
function statementName(role: string, text: string): string {
  const key = `${role} ${text}`;
  let name = names.get(key);
  if (name === undefined) {
    if (names.size >= MOST_STATEMENTS) throw new Error('too many different statements to prepare: something that varies stands in the text instead of the values');
    name = `fnplane_${createHash('sha256').update(key).digest('hex').slice(0, 24)}`;
    names.set(key, name);
  }
  return name;
}

function markTransaction(runner: QueryRunner, active: boolean): void {
  (runner as { isTransactionActive: boolean }).isTransactionActive = active;
}

interface PostgresError {
  code?: string;
  driverError?: { code?: string };
}

/** Postgres error code, where the error is one. */
export function postgresCode(error: unknown): string | undefined {
  const known = error as PostgresError;
  return known.driverError?.code ?? known.code;
}

const CONNECTION_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', '57P01', '57P02', '57P03', '53300', '08006', '08001', '08003']);

function translate(error: unknown): unknown {
  const code = postgresCode(error);
  if (code === '40001' || code === '40P01' || code === '55P03') {
    return new DomainError('unavailable', 'DATABASE_BUSY', 'Another change was in the way; send the request again.', { cause: error, retryAfterSeconds: 1 });
  }
  if ((code && CONNECTION_CODES.has(code)) || (error instanceof Error && /Connection terminated|timeout exceeded when trying to connect/.test(error.message))) {
    return new DomainError('unavailable', 'DATABASE_UNAVAILABLE', 'The platform cannot reach its database at the moment; send the request again.', { cause: error, retryAfterSeconds: 2 });
  }
  if (code === '22021' || code === '22P05') return new DomainError('invalid', 'TEXT_NOT_STORABLE', `The request holds text that cannot be kept: it ${NOT_STORABLE}.`, { cause: error });
  return error;
}

/** Unique violation of the named constraint or index (any, when none is given). */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const driver = (error as { driverError?: { code?: string; constraint?: string } }).driverError;
  return driver?.code === '23505' && (constraint === undefined || driver.constraint === constraint);
}

export function isForeignKeyViolation(error: unknown): boolean {
  return postgresCode(error) === '23503';
}
