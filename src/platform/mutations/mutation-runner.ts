import { systemContext, type Context, type TenantContext } from '../context/context.js';
import type { AnswerSealer } from '../crypto/answer-sealer.js';
import type { Database } from '../database/database.js';
import { preview } from '../database/preview.js';
import { DomainError } from '../errors/domain-error.js';

export interface MutationOptions {
  idempotencyKey?: string;
  validateOnly?: boolean;
  /** What is asked: operation and input. The same key with another fingerprint is refused. */
  fingerprint: unknown;
}

/** An answer as it is kept for a replay. */
export interface KeptAnswer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** While the first request runs, a second one is told to wait; a crashed one frees its key after this. */
const LOCK_MS = 60_000;
const KEPT_HOURS = 24;
const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Runs one mutating request of either transport: `validateOnly` takes every row back, an idempotency key makes a repeat answer
 * what the first run answered (kept for 24 hours, sealed). Failed requests are not kept: they changed nothing.
 */
export class MutationRunner {
  constructor(
    private readonly database: Database,
    private readonly sealer: AnswerSealer,
  ) {}

  async run(context: Context, options: MutationOptions, work: () => Promise<KeptAnswer>): Promise<KeptAnswer & { replayed: boolean }> {
    if (options.idempotencyKey !== undefined && !KEY.test(options.idempotencyKey)) throw new DomainError('malformed', 'IDEMPOTENCY_KEY_INVALID', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
    if (options.validateOnly) return { ...(await preview(this.database, context, work)), replayed: false };
    if (options.idempotencyKey === undefined) return { ...(await work()), replayed: false };
    const scope = `${context.principal.key}@${context.scope === 'tenant' ? context.tenantId : 'platform'}`;
    const key = { scope, key: options.idempotencyKey, hash: this.sealer.fingerprint(JSON.stringify(options.fingerprint)) };
    const kept = await this.reserve(key);
    if (kept) return { ...kept, replayed: true };
    try {
      const answer = await work();
      await this.keep(key, answer);
      return { ...answer, replayed: false };
    } catch (error) {
      await this.release(key);
      throw error;
    }
  }

  /** Takes away all answers kept for requests in a tenant that is being deleted; one that is given at this moment is not kept. */
  async forget(context: TenantContext): Promise<void> {
    await this.system((query) => query('DELETE FROM idempotency_key WHERE right(scope, 37) = $1', [`@${context.tenantId}`]));
  }

  private async reserve(key: { scope: string; key: string; hash: string }): Promise<KeptAnswer | null> {
    return this.system(async (query) => {
      const inserted = await query<{ scope: string }[]>(
        `INSERT INTO idempotency_key (scope, key, request_hash, state, locked_until) VALUES ($1, $2, $3, 'running', clock_timestamp() + $4 * interval '1 millisecond')
         ON CONFLICT (scope, key) DO UPDATE SET request_hash = excluded.request_hash, state = 'running', locked_until = excluded.locked_until, created_at = clock_timestamp()
           WHERE (idempotency_key.state = 'running' AND idempotency_key.locked_until < clock_timestamp())
              OR idempotency_key.created_at < clock_timestamp() - $5 * interval '1 hour'
         RETURNING scope`, [key.scope, key.key, key.hash, LOCK_MS, KEPT_HOURS]);
      if (inserted.length > 0) return null;
      const [row] = await query<{ request_hash: string; state: string; status: number | null; headers: Record<string, string> | null; body: Buffer | null }[]>(
        'SELECT request_hash, state, status, headers, body FROM idempotency_key WHERE scope = $1 AND key = $2', [key.scope, key.key]);
      if (!row) throw new DomainError('conflict', 'IDEMPOTENCY_IN_FLIGHT', 'A request with this idempotency key has just ended; send it again.', { retryAfterSeconds: 1 });
      if (!this.sealer.isSame(row.request_hash, key.hash)) throw new DomainError('invalid', 'IDEMPOTENCY_KEY_REUSED', 'This idempotency key was used with another request; use a new key for a new request.');
      if (row.state === 'running') throw new DomainError('conflict', 'IDEMPOTENCY_IN_FLIGHT', 'A request with this idempotency key is still running; wait for it.', { retryAfterSeconds: 1 });
      const body: unknown = row.body ? JSON.parse(this.sealer.open(row.body, `idempotency:${key.scope}:${key.key}`).toString('utf8')) : undefined;
      return { status: row.status ?? undefined, headers: row.headers ?? undefined, body };
    });
  }

  private async keep(key: { scope: string; key: string }, answer: KeptAnswer): Promise<void> {
    const body = answer.body === undefined ? null : this.sealer.seal(Buffer.from(JSON.stringify(answer.body)), `idempotency:${key.scope}:${key.key}`);
    await this.system((query) => query(
      `UPDATE idempotency_key SET state = 'done', status = $3, headers = $4, body = $5 WHERE scope = $1 AND key = $2`,
      [key.scope, key.key, answer.status ?? null, JSON.stringify(answer.headers ?? {}), body]));
  }

  private async release(key: { scope: string; key: string }): Promise<void> {
    await this.system((query) => query('DELETE FROM idempotency_key WHERE scope = $1 AND key = $2', [key.scope, key.key])).catch(() => undefined);
  }

  private system<T>(work: (query: <R>(sql: string, values: unknown[]) => Promise<R>) => Promise<T>): Promise<T> {
    return this.database.outside(() => this.database.transaction(systemContext('idempotency'), (manager) => work((sql, values) => manager.query(sql, values))));
  }
}
