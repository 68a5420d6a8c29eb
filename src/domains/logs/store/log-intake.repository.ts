import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { LOGS_CHANNEL } from '../log-channel.js';
import { bytesOf, type LogText } from '../log-text.js';

/** Where entries come from. */
export interface LogSource {
  tenantId: string;
  functionId: string;
  revision: number;
  cluster: string;
  pod: string;
  podUid: string;
}

/** What was read of one pod since it was last written down. */
export interface ReadPart {
  source: LogSource;
  texts: readonly LogText[];
  /** How far the store is, as the reader knows it. */
  from: bigint;
  /** How far this part goes. */
  to: bigint;
}

/** The collectors' side: entries, and how far each pod has been read. */
@Injectable()
export class LogIntakeRepository {
  constructor(private readonly database: Database) {}

  /** How far a pod has been read, 0 at first; null where there is no such function (any more). */
  async open(context: SystemContext, { tenantId, podUid, functionId }: LogSource): Promise<bigint | null> {
    const [row] = await this.database.statement<{ readTo: string }>(context,
      `INSERT INTO log_source (tenant_id, pod_uid, function_id) SELECT $1, $2, fn.id FROM function fn WHERE fn.tenant_id = $1 AND fn.id = $3
       ON CONFLICT (tenant_id, pod_uid) DO UPDATE SET read_at = clock_timestamp() RETURNING read_to AS "readTo"`, [tenantId, podUid, functionId]);
    return row ? BigInt(row.readTo) : null;
  }

  /**
   * Writes what was read of pods of one tenant, in one transaction with how far that is: each line once, whoever reads it how often. Others who write
   * for the tenant wait, so that nobody sees a position before all that are lower.
   * @returns UIDs of the pods whose part was taken; another process is further with the others, or their function is gone.
   */
  async write(context: SystemContext, tenantId: string, parts: readonly ReadPart[]): Promise<ReadonlySet<string>> {
    return this.database.transaction(context, async () => {
      const functions = [...new Set(parts.map(({ source }) => source.functionId))];
      // The functions are held, too: one that is deleted meanwhile would fail all.
      const there = await this.database.statement<{ id: string }>(context, 'SELECT id FROM function WHERE tenant_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR KEY SHARE', [tenantId, functions]);
      if (there.length === 0) return new Set<string>();
      await this.database.statement(context, 'INSERT INTO log_volume (tenant_id) VALUES ($1) ON CONFLICT (tenant_id) DO UPDATE SET tenant_id = excluded.tenant_id', [tenantId]);
      const taken = await this.advance(context, tenantId, parts, there.map(({ id }) => id));
      const added = parts.filter(({ source, texts }) => texts.length > 0 && taken.has(source.podUid));
      if (added.length > 0) await this.add(context, tenantId, added);
      return taken;
    });
  }

  private async advance(context: SystemContext, tenantId: string, parts: readonly ReadPart[], functions: readonly string[]): Promise<Set<string>> {
    const rows = await this.database.statement<{ podUid: string }>(context,
      `UPDATE log_source source SET read_to = part.until, read_at = clock_timestamp()
       FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) AS part (pod_uid, since, until)
       WHERE source.tenant_id = $1 AND source.pod_uid = part.pod_uid AND source.read_to = part.since AND source.function_id = ANY($5::uuid[]) RETURNING source.pod_uid AS "podUid"`,
      [tenantId, parts.map(({ source }) => source.podUid), parts.map(({ from }) => String(from)), parts.map(({ to }) => String(to)), functions]);
    return new Set(rows.map(({ podUid }) => podUid));
  }

  private async add(context: SystemContext, tenantId: string, parts: readonly ReadPart[]): Promise<void> {
    const rows = parts.flatMap(({ source, texts }) => texts.map((text) => ({ ...source, ...text }))).sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    await this.database.statement(context,
      `WITH given AS (
         SELECT * FROM unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::text[], $10::text[], $11::integer[])
           WITH ORDINALITY AS row (function_id, revision, cluster, pod, time, level, request_id, message, fields, bytes, place)
       ), volume AS (
         UPDATE log_volume SET last_position = last_position + (SELECT count(*) FROM given), bytes = bytes + (SELECT sum(given.bytes) FROM given)
         WHERE tenant_id = $1 RETURNING last_position - (SELECT count(*) FROM given) AS base
       )
       INSERT INTO log_entry (tenant_id, position, function_id, revision, cluster, pod, time, level, request_id, message, fields, bytes)
       SELECT $1, volume.base + given.place, function_id, revision, cluster, pod, time, level, request_id, message, fields, given.bytes FROM given, volume`,
      [
        tenantId, rows.map(({ functionId }) => functionId), rows.map(({ revision }) => revision), rows.map(({ cluster }) => cluster), rows.map(({ pod }) => pod), rows.map(({ time }) => time),
        rows.map(({ level }) => level), rows.map(({ requestId }) => requestId), rows.map(({ message }) => message), rows.map(({ fields }) => fields), rows.map(bytesOf),
      ]);
    await this.database.statement(context, `SELECT pg_notify('${LOGS_CHANNEL}', $1::text || '/' || id) FROM unnest($2::text[]) AS fn (id)`, [tenantId, [...new Set(parts.map(({ source }) => source.functionId))]]);
  }
}
