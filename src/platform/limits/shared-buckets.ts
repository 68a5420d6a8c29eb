import { systemContext } from '../context/context.js';
import type { Database } from '../database/database.js';
import type { Rate } from './rate.policy.js';

/** What a bucket gave, and when it is full again if nobody takes more. */
export interface Grant {
  tokens: number;
  fullInMs: number;
}

export interface Ask {
  /** Fewer than these are of no use: then it gives none. */
  need: number;
  want: number;
}

/**
 * A bucket is one instant: when it will be full. What it holds follows from that, so a missing row is a full bucket, and a row whose
 * instant has passed can be deleted. Times are the database's, in whole microseconds rounded up, so that rounding never gives.
 */
const TAKE = `
INSERT INTO rate_bucket AS bucket (key, granted, full_at)
VALUES ($1, least($5::integer, $3::integer), now() + ceil(least($5::integer, $3::integer) * 1000000 / $2::numeric) * interval '1 microsecond')
ON CONFLICT (key) DO UPDATE SET
  granted = (SELECT given.tokens FROM (${given()}) AS given),
  full_at = greatest(bucket.full_at, now()) + ceil((SELECT given.tokens FROM (${given()}) AS given) * 1000000 / $2::numeric) * interval '1 microsecond'
RETURNING granted AS tokens, (extract(epoch FROM full_at - now()) * 1000)::float8 AS "fullInMs"`;

function given(): string {
  return `SELECT CASE WHEN there.tokens >= $4::integer THEN least($5::integer, floor(there.tokens))::integer ELSE 0 END AS tokens
    FROM (SELECT $3::integer - greatest(0, extract(epoch FROM bucket.full_at - now())) * $2::numeric AS tokens) AS there`;
}

const SWEEP = `
WITH full_again AS (SELECT key FROM rate_bucket WHERE full_at < now() ORDER BY full_at LIMIT $1 FOR UPDATE SKIP LOCKED)
DELETE FROM rate_bucket USING full_again WHERE rate_bucket.key = full_again.key RETURNING rate_bucket.key`;

const SWEEP_AT_ONCE = 1_000;
const MOST_SWEEPS = 100;

/** The token buckets that all replicas share: one row each in an unlogged table, one statement to take from it. */
export class SharedBuckets {
  private readonly context = systemContext('limits');

  constructor(private readonly database: Database) {}

  async take(key: string, rate: Rate, { need, want }: Ask): Promise<Grant> {
    // Outside of a transaction that may be open: a rollback must not give tokens back, nor a lock on the bucket last as long.
    const [grant] = await this.database.outside(() => this.database.statement<Grant>(this.context, TAKE, [key, rate.perSecond, rate.burst, need, want]));
    return grant!;
  }

  /** Deletes the rows of buckets that are full again; answers how many there were. */
  async sweep(): Promise<number> {
    let swept = 0;
    for (let round = 0; round < MOST_SWEEPS; round++) {
      const rows = await this.database.outside(() => this.database.statement(this.context, SWEEP, [SWEEP_AT_ONCE]));
      swept += rows.length;
      if (rows.length < SWEEP_AT_ONCE) break;
    }
    return swept;
  }
}
