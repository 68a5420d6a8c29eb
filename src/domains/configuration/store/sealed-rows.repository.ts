import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { KeyWithUse, RewrapRun, RowToRewrap } from '../sealed-rows.js';

const RUN = 'id, target_key AS "targetKey", requested_at AS "requestedAt", finished_at AS "finishedAt", total, rewrapped, unreadable';
const ROW = 'tenant_id AS "tenantId", secret_id AS "secretId", number, wrapped_key AS "wrappedKey"';
const MOST_KEYS = 100;
const FIRST_UUID = '00000000-0000-0000-0000-000000000000';

/** Where a page of rows begins: after the last row of the one before. */
export interface RowPosition {
  secretId: string;
  number: number;
}

/** The sealed rows of all tenants, by the key that wrapped their data keys: for the platform's own work alone. */
@Injectable()
export class SealedRowsRepository {
  constructor(private readonly database: Database) {}

  /** The keys that rows are sealed with, and the newest others; the newest last. */
  findKeys(context: SystemContext): Promise<KeyWithUse[]> {
    return this.database.statement<KeyWithUse>(context, `
      SELECT * FROM (
        SELECT k.id, k.provider, k.state, k.first_used_at AS "firstUsedAt", k.retired_at AS "retiredAt", coalesce(v.versions, 0)::text AS versions
        FROM encryption_key k LEFT JOIN (SELECT key_id, count(*) AS versions FROM secret_version GROUP BY key_id) v ON v.key_id = k.id
        ORDER BY v.versions IS NULL, k.first_used_at DESC LIMIT ${MOST_KEYS}
      ) keys ORDER BY "firstUsedAt", id`);
  }

  async findKeysInUse(context: SystemContext): Promise<string[]> {
    return (await this.database.statement<{ id: string }>(context, 'SELECT id FROM encryption_key k WHERE EXISTS (SELECT FROM secret_version v WHERE v.key_id = k.id)')).map(({ id }) => id);
  }

  async findSample(context: SystemContext, keyId: string): Promise<RowToRewrap | undefined> {
    return (await this.database.statement<RowToRewrap>(context, `SELECT ${ROW} FROM secret_version WHERE key_id = $1 LIMIT 1`, [keyId]))[0];
  }

  async findLatestRun(context: SystemContext): Promise<RewrapRun | null> {
    return (await this.database.statement<RewrapRun>(context, `SELECT ${RUN} FROM rewrap_run ORDER BY requested_at DESC LIMIT 1`))[0] ?? null;
  }

  async findOpenRun(context: SystemContext): Promise<RewrapRun | null> {
    return (await this.database.statement<RewrapRun>(context, `SELECT ${RUN} FROM rewrap_run WHERE finished_at IS NULL`))[0] ?? null;
  }

  /** Begins a run, or sends the one that is under way through all parts once more, towards `target`. */
  async openRun(context: SystemContext, id: string, target: string, parts: readonly string[]): Promise<RewrapRun> {
    const [run] = await this.database.statement<RewrapRun>(context, `
      INSERT INTO rewrap_run (id, target_key, total, parts_left) SELECT $1, $2, count(*), $3 FROM secret_version WHERE key_id <> $2
      ON CONFLICT ((true)) WHERE finished_at IS NULL DO UPDATE SET target_key = excluded.target_key, parts_left = excluded.parts_left, total = rewrap_run.rewrapped + excluded.total, unreadable = 0
      RETURNING ${RUN}`, [id, target, parts]);
    return run!;
  }

  /** Rows whose data key `keyId` wrapped, in their order, up to `limit`. @param part first digit of the secrets' ids */
  findPage(context: SystemContext, keyId: string, part: string, after: RowPosition | undefined, limit: number): Promise<RowToRewrap[]> {
    return this.database.statement<RowToRewrap>(context, `
      SELECT ${ROW} FROM secret_version WHERE key_id = $1 AND (secret_id, number) > ($2::uuid, $3::integer) AND secret_id <= $4::uuid ORDER BY secret_id, number LIMIT $5`,
    [keyId, after?.secretId ?? `${part}${FIRST_UUID.slice(1)}`, after?.number ?? 0, `${part}${FIRST_UUID.slice(1).replaceAll('0', 'f')}`, limit]);
  }

  /**
   * Gives rows their new wrapped keys, all in one statement that waits for nobody: a row that another transaction holds, or that has another key by now, is left as it is.
   * @returns how many rows were changed; the open run counts them
   */
  async rewrap(context: SystemContext, from: string, to: string, rows: readonly RowToRewrap[]): Promise<number> {
    const [done] = await this.database.statement<{ rows: number }>(context, `
      WITH fresh AS (
        SELECT * FROM unnest($3::uuid[], $4::uuid[], $5::integer[], $6::bytea[]) AS f (tenant_id, secret_id, number, wrapped_key)
      ), held AS (
        SELECT v.tenant_id, v.secret_id, v.number, f.wrapped_key FROM secret_version v JOIN fresh f USING (tenant_id, secret_id, number)
        WHERE v.key_id = $1 FOR NO KEY UPDATE OF v SKIP LOCKED
      ), done AS (
        UPDATE secret_version v SET key_id = $2, wrapped_key = h.wrapped_key FROM held h
        WHERE v.tenant_id = h.tenant_id AND v.secret_id = h.secret_id AND v.number = h.number RETURNING 1
      ), counted AS (
        UPDATE rewrap_run SET rewrapped = rewrapped + (SELECT count(*) FROM done) WHERE finished_at IS NULL
      )
      SELECT count(*)::integer AS rows FROM done`,
    [from, to, rows.map(({ tenantId }) => tenantId), rows.map(({ secretId }) => secretId), rows.map(({ number }) => number), rows.map(({ wrappedKey }) => wrappedKey)]);
    return done!.rows;
  }

  /** Rows beside those of secrets that the open run has done. */
  async countOthers(context: SystemContext, rewrapped: number): Promise<void> {
    await this.database.statement(context, 'UPDATE rewrap_run SET rewrapped = rewrapped + $1::integer, total = total + $1::integer WHERE finished_at IS NULL', [rewrapped]);
  }

  /** Counts a part once, however often it is gone through. @returns whether that was the last part: the run has ended. */
  async closePart(context: SystemContext, part: string, unreadable: number): Promise<boolean> {
    const [run] = await this.database.statement<{ ended: boolean }>(context, `
      UPDATE rewrap_run SET parts_left = array_remove(parts_left, $1), unreadable = unreadable + $2,
        finished_at = CASE WHEN cardinality(array_remove(parts_left, $1)) = 0 THEN clock_timestamp() END
      WHERE finished_at IS NULL AND $1 = ANY (parts_left) RETURNING finished_at IS NOT NULL AS ended`, [part, unreadable]);
    return run?.ended ?? false;
  }

  /** Retires the keys that were in use before `target` and that no row needs; whoever seals with one at this moment is waited for. @param otherwiseInUse keys of rows beside those of secrets. @returns their ids */
  retireUnused(context: SystemContext, target: string, otherwiseInUse: () => Promise<string[]>): Promise<string[]> {
    return this.database.transaction(context, async () => {
      const older = await this.database.statement<{ id: string }>(context, `
        SELECT id FROM encryption_key WHERE state = 'active' AND first_used_at < (SELECT first_used_at FROM encryption_key WHERE id = $1) ORDER BY id FOR UPDATE`, [target]);
      // Asked only now: whoever held one of the keys has written what he sealed.
      const held = new Set(await otherwiseInUse());
      const retired = await this.database.statement<{ id: string }>(context, `
        UPDATE encryption_key k SET state = 'retired', retired_at = clock_timestamp()
        WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM secret_version v WHERE v.key_id = k.id) RETURNING id`, [older.map(({ id }) => id).filter((id) => !held.has(id))]);
      return retired.map(({ id }) => id);
    });
  }
}
