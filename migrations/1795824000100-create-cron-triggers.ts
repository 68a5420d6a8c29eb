import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Schedules that start functions, the invocations that come of them, and claims of work that go from group to group. */
export class CreateCronTriggers1795824000100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(CRON_TRIGGERS);
    await runner.query(CLAIMS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const CRON_TRIGGERS = `
CREATE TABLE cron_trigger (
  tenant_id          uuid NOT NULL REFERENCES tenant (id),
  id                 uuid NOT NULL,
  name               text NOT NULL,
  function_id        uuid NOT NULL,
  -- As the client sent it, without the names above.
  settings           jsonb NOT NULL,
  -- The first due time that has not been looked at; none while it is suspended.
  next_run_at        timestamptz,
  last_run_at        timestamptz,
  last_invocation_id uuid,
  skipped_runs       bigint NOT NULL DEFAULT 0,
  last_skipped_at    timestamptz,
  last_skip_reason   text,
  version            integer NOT NULL,
  created_at         timestamptz NOT NULL,
  updated_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT cron_trigger_name UNIQUE (tenant_id, name)
);
CREATE INDEX cron_trigger_page ON cron_trigger (tenant_id, created_at, id);
CREATE INDEX cron_trigger_function ON cron_trigger (tenant_id, function_id);
-- Fired over all tenants.
CREATE INDEX cron_trigger_due ON cron_trigger (next_run_at) WHERE next_run_at IS NOT NULL;
SELECT protect_tenant_table('cron_trigger', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

-- Where an invocation comes from: a caller, a due time of a trigger, or somebody who asked a trigger to run now. It outlives its trigger.
ALTER TABLE async_invocation
  ADD COLUMN source text NOT NULL DEFAULT 'api' CHECK (source IN ('api', 'cron', 'manual')),
  ADD COLUMN trigger_id uuid,
  ADD COLUMN trigger_name text,
  ADD COLUMN due_at timestamptz,
  ADD CONSTRAINT async_invocation_source CHECK ((source = 'api') = (trigger_id IS NULL) AND (source = 'api') = (trigger_name IS NULL) AND (source = 'api') = (due_at IS NULL));
-- No due time is run twice.
CREATE UNIQUE INDEX async_invocation_due ON async_invocation (trigger_id, due_at) WHERE source = 'cron';
CREATE INDEX async_invocation_trigger ON async_invocation (tenant_id, trigger_id) WHERE trigger_id IS NOT NULL;
CREATE INDEX async_invocation_open ON async_invocation (trigger_id) WHERE trigger_id IS NOT NULL AND state IN ('queued', 'running');
`;

const CLAIMS = `
CREATE INDEX work_item_group ON work_item (kind, fair_group, visible_at);

-- Takes due keys of one kind and holds them by lease, going round the fair groups: one of each before a second of any. The oldest 100 that are due are looked
-- at in any case; where more are due, groups are found by a loose scan of the index, a probe or two each however much waits in it. It begins behind p_after, goes
-- round, and ends once it has found as many groups as are wanted, or looked at 500. Items are locked in no more groups than twice what is wanted: some may be held by
-- another claim at this moment. Of each row, "reached" is where the next claim begins, and "due" how many are due, counted up to 100.
-- What is due changes faster than statistics: a plan that sorts what it takes for little would read the whole backlog.
CREATE FUNCTION claim_work(p_kind text, p_most integer, p_lease uuid, p_lease_ms integer, p_after text)
  RETURNS TABLE (key text, claimed_gen bigint, lease uuid, attempts integer, reached text, due integer)
  LANGUAGE plpgsql SET search_path = public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY WITH RECURSIVE head AS MATERIALIZED (
    SELECT item.fair_group FROM work_item item WHERE item.kind = p_kind AND item.visible_at <= statement_timestamp() ORDER BY item.visible_at LIMIT 100
  ), scan AS (
    SELECT p_after AS fair_group, 'infinity'::timestamptz AS visible_at, false AS is_round, 0 AS looked, 0 AS found WHERE (SELECT count(*) FROM head) = 100
    UNION ALL
    SELECT next.fair_group, next.visible_at, next.is_round, scan.looked + 1, scan.found + (next.visible_at <= statement_timestamp())::integer
    FROM scan CROSS JOIN LATERAL (
      SELECT * FROM (
        (SELECT item.fair_group, item.visible_at, scan.is_round FROM work_item item WHERE item.kind = p_kind AND item.fair_group > scan.fair_group ORDER BY item.fair_group, item.visible_at LIMIT 1)
        UNION ALL
        (SELECT item.fair_group, item.visible_at, true FROM work_item item WHERE item.kind = p_kind AND NOT scan.is_round ORDER BY item.fair_group, item.visible_at LIMIT 1)
      ) either ORDER BY either.is_round LIMIT 1
    ) next
    WHERE scan.found < p_most AND scan.looked < 500 AND NOT (next.is_round AND next.fair_group > p_after)
  ), fair AS MATERIALIZED (
    SELECT found.fair_group FROM (SELECT head.fair_group FROM head UNION SELECT scan.fair_group FROM scan WHERE scan.visible_at <= statement_timestamp()) found
    ORDER BY found.fair_group <= p_after, found.fair_group LIMIT 2 * p_most
  ), items AS (
    SELECT item.key, item.fair_group, row_number() OVER (PARTITION BY item.fair_group ORDER BY item.visible_at) AS turn
    FROM fair CROSS JOIN LATERAL (
      SELECT one.key, one.fair_group, one.visible_at FROM work_item one WHERE one.kind = p_kind AND one.fair_group = fair.fair_group AND one.visible_at <= statement_timestamp()
      ORDER BY one.visible_at LIMIT (SELECT ceil(p_most::numeric / greatest(count(*), 1)) FROM fair) FOR UPDATE SKIP LOCKED
    ) item
  ), chosen AS MATERIALIZED (
    SELECT items.key, items.fair_group, row_number() OVER (ORDER BY items.turn, items.fair_group <= p_after, items.fair_group) AS place FROM items ORDER BY place LIMIT p_most
  )
  UPDATE work_item item SET claimed_gen = item.gen, lease = p_lease, attempts = item.attempts + 1, visible_at = clock_timestamp() + p_lease_ms * interval '1 millisecond'
  WHERE item.kind = p_kind AND item.key = ANY (ARRAY(SELECT chosen.key FROM chosen))
  RETURNING item.key, item.claimed_gen, item.lease, item.attempts, (SELECT chosen.fair_group FROM chosen ORDER BY chosen.place DESC LIMIT 1), (SELECT count(*)::integer FROM head);
END $$;
REVOKE ALL ON FUNCTION claim_work FROM PUBLIC;
GRANT EXECUTE ON FUNCTION claim_work TO fnplane_system;
`;
