-- Generated from the migrations by `npm run generate`; do not edit.

CREATE OR REPLACE FUNCTION public.claim_work(p_kind text, p_most integer, p_lease uuid, p_lease_ms integer, p_after text)
 RETURNS TABLE(key text, claimed_gen bigint, lease uuid, attempts integer, reached text, due integer)
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
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
END $function$;

CREATE OR REPLACE FUNCTION public.current_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE
AS $function$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $function$;

CREATE OR REPLACE FUNCTION public.demand_active_key()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE used text;
BEGIN
  FOR used IN SELECT DISTINCT key_id FROM changed WHERE key_id IS NOT NULL ORDER BY key_id LOOP
    PERFORM FROM encryption_key WHERE id = used AND state = 'active' FOR KEY SHARE;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'the encryption key % is not in use', used USING ERRCODE = 'FN001';
    END IF;
  END LOOP;
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.enqueue_work(p_kind text, p_key text, p_group text, p_delay_ms integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  INSERT INTO work_item (kind, key, fair_group, visible_at)
  VALUES (p_kind, p_key, p_group, clock_timestamp() + p_delay_ms * interval '1 millisecond')
  ON CONFLICT (kind, key) DO UPDATE SET
    gen = work_item.gen + 1,
    attempts = CASE WHEN work_item.lease IS NULL THEN 0 ELSE work_item.attempts END,
    visible_at = CASE WHEN work_item.lease IS NULL THEN least(work_item.visible_at, excluded.visible_at) ELSE work_item.visible_at END;
  SELECT pg_notify('fnplane_work', p_kind);
$function$;

CREATE OR REPLACE FUNCTION public.protect_tenant_table(target regclass, tenant_column text, tenant_rights text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
  EXECUTE format('CREATE POLICY own_rows ON %s TO fnplane_tenant USING (%I = current_tenant()) WITH CHECK (%I = current_tenant())', target, tenant_column, tenant_column);
  EXECUTE format('CREATE POLICY all_rows ON %s TO fnplane_system USING (true) WITH CHECK (true)', target);
  EXECUTE format('GRANT %s ON %s TO fnplane_tenant', tenant_rights, target);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO fnplane_system', target);
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_audit_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'audit entries are append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $function$;

CREATE OR REPLACE FUNCTION public.wake_webhooks()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM enqueue_work('webhook', hook.tenant_id || '/' || hook.id, hook.tenant_id::text, 0) FROM webhook hook
  WHERE NOT hook.disabled AND hook.ended IS NULL AND EXISTS (
    SELECT 1 FROM added WHERE added.tenant_id = hook.tenant_id
      AND CASE WHEN added.recipient IS NULL THEN hook.name IS NOT NULL AND (hook.events IS NULL OR added.type = ANY (hook.events)) ELSE hook.id = added.recipient END)
  ORDER BY hook.id;
  RETURN NULL;
END $function$;

CREATE TABLE api_key (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone,
  hash text NOT NULL,
  id uuid NOT NULL,
  last_used_at timestamp with time zone,
  name text NOT NULL,
  prefix text NOT NULL,
  previous_hash text,
  previous_prefix text,
  previous_until timestamp with time zone,
  revoked_at timestamp with time zone,
  role text NOT NULL,
  scopes text[],
  tenant_id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_key FORCE ROW LEVEL SECURITY;
ALTER TABLE api_key ADD CONSTRAINT api_key_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE api_key ADD CONSTRAINT api_key_prefix_key UNIQUE (prefix);
ALTER TABLE api_key ADD CONSTRAINT api_key_previous CHECK ((num_nulls(previous_prefix, previous_hash, previous_until) = ANY (ARRAY[0, 3])));
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'developer'::text, 'viewer'::text, 'billing'::text])));
ALTER TABLE api_key ADD CONSTRAINT api_key_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE UNIQUE INDEX api_key_name ON public.api_key USING btree (tenant_id, name) WHERE (revoked_at IS NULL);
CREATE INDEX api_key_page ON public.api_key USING btree (tenant_id, created_at, id);
CREATE UNIQUE INDEX api_key_previous_prefix ON public.api_key USING btree (previous_prefix);
CREATE POLICY all_rows ON api_key FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON api_key FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON api_key TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON api_key TO fnplane_tenant;

CREATE TABLE async_invocation (
  attempts integer NOT NULL DEFAULT 0,
  body bytea,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  destination jsonb,
  due_at timestamp with time zone,
  error_code text,
  error_message text,
  expires_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  function_id uuid NOT NULL,
  headers jsonb NOT NULL,
  hops integer NOT NULL DEFAULT 0,
  id uuid NOT NULL,
  max_age_seconds integer NOT NULL,
  max_attempts integer NOT NULL,
  method text NOT NULL,
  next_attempt_at timestamp with time zone NOT NULL,
  path text NOT NULL,
  principal text NOT NULL,
  result bytea,
  result_bytes integer,
  result_encoding text,
  result_too_large boolean NOT NULL DEFAULT false,
  result_type text,
  revision integer,
  run uuid,
  source text NOT NULL DEFAULT 'api'::text,
  state text NOT NULL DEFAULT 'queued'::text,
  status integer,
  tenant_id uuid NOT NULL,
  trigger_id uuid,
  trigger_name text,
  version integer NOT NULL DEFAULT 1,
  waits integer NOT NULL DEFAULT 0
);
ALTER TABLE async_invocation ENABLE ROW LEVEL SECURITY;
ALTER TABLE async_invocation FORCE ROW LEVEL SECURITY;
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_finished CHECK (((finished_at IS NOT NULL) = (state = ANY (ARRAY['succeeded'::text, 'failed'::text]))));
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 10)));
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_source CHECK ((((source = 'api'::text) = (trigger_id IS NULL)) AND ((source = 'api'::text) = (trigger_name IS NULL)) AND ((source = 'api'::text) = (due_at IS NULL))));
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_source_check CHECK ((source = ANY (ARRAY['api'::text, 'cron'::text, 'manual'::text])));
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_state_check CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text])));
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE async_invocation ADD CONSTRAINT async_invocation_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX async_invocation_age ON public.async_invocation USING btree (finished_at) WHERE (finished_at IS NOT NULL);
CREATE UNIQUE INDEX async_invocation_due ON public.async_invocation USING btree (trigger_id, due_at) WHERE (source = 'cron'::text);
CREATE INDEX async_invocation_failed ON public.async_invocation USING btree (tenant_id, finished_at) WHERE (state = 'failed'::text);
CREATE INDEX async_invocation_function ON public.async_invocation USING btree (tenant_id, function_id);
CREATE INDEX async_invocation_open ON public.async_invocation USING btree (trigger_id) WHERE ((trigger_id IS NOT NULL) AND (state = ANY (ARRAY['queued'::text, 'running'::text])));
CREATE INDEX async_invocation_page ON public.async_invocation USING btree (tenant_id, created_at, id);
CREATE INDEX async_invocation_queued ON public.async_invocation USING btree (tenant_id) WHERE (state = 'queued'::text);
CREATE INDEX async_invocation_trigger ON public.async_invocation USING btree (tenant_id, trigger_id) WHERE (trigger_id IS NOT NULL);
CREATE POLICY all_rows ON async_invocation FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON async_invocation FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON async_invocation TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON async_invocation TO fnplane_tenant;

CREATE TABLE async_policy (
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  function_id uuid NOT NULL,
  max_age_seconds integer,
  max_attempts integer,
  on_failure jsonb,
  on_success jsonb,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE async_policy ENABLE ROW LEVEL SECURITY;
ALTER TABLE async_policy FORCE ROW LEVEL SECURITY;
ALTER TABLE async_policy ADD CONSTRAINT async_policy_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 10)));
ALTER TABLE async_policy ADD CONSTRAINT async_policy_pkey PRIMARY KEY (tenant_id, function_id);
ALTER TABLE async_policy ADD CONSTRAINT async_policy_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE POLICY all_rows ON async_policy FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON async_policy FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON async_policy TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON async_policy TO fnplane_tenant;

CREATE TABLE audit_entry (
  action text NOT NULL,
  after_hash text,
  at timestamp(3) with time zone NOT NULL DEFAULT clock_timestamp(),
  before_hash text,
  code text,
  id uuid NOT NULL,
  principal text NOT NULL,
  request_id text NOT NULL,
  result text NOT NULL,
  target_id text NOT NULL,
  target_kind text NOT NULL,
  target_name text NOT NULL DEFAULT ''::text,
  tenant_id uuid
);
ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_code_check CHECK (((result = 'refused'::text) = (code IS NOT NULL)));
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_pkey PRIMARY KEY (id);
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_result_check CHECK ((result = ANY (ARRAY['done'::text, 'refused'::text])));
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX audit_action ON public.audit_entry USING btree (tenant_id, action, at, id);
CREATE INDEX audit_page ON public.audit_entry USING btree (tenant_id, at, id);
CREATE INDEX audit_principal ON public.audit_entry USING btree (principal, tenant_id, at, id);
CREATE INDEX audit_refused ON public.audit_entry USING btree (tenant_id, at, id) WHERE (result = 'refused'::text);
CREATE INDEX audit_request ON public.audit_entry USING btree (request_id);
CREATE INDEX audit_target_id ON public.audit_entry USING btree (target_id, at, id);
CREATE INDEX audit_target_kind ON public.audit_entry USING btree (tenant_id, target_kind, at, id);
CREATE INDEX audit_target_name ON public.audit_entry USING btree (tenant_id, target_name, at, id);
CREATE INDEX audit_time ON public.audit_entry USING btree (at, id);
CREATE TRIGGER audit_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
CREATE POLICY all_rows ON audit_entry FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON audit_entry FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT INSERT, SELECT ON audit_entry TO fnplane_system;
GRANT INSERT, SELECT ON audit_entry TO fnplane_tenant;

CREATE TABLE capacity_record (
  cluster text NOT NULL,
  cpu_milli_ms numeric(38,0) NOT NULL,
  function_id uuid,
  function_name text,
  id uuid NOT NULL,
  mb_ms numeric(38,0) NOT NULL,
  ms bigint NOT NULL,
  occurred_at timestamp with time zone NOT NULL,
  pod_uid text NOT NULL,
  recorded_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  revision integer,
  runtime text,
  tenant_id uuid NOT NULL,
  use text NOT NULL,
  window_at timestamp with time zone NOT NULL
);
ALTER TABLE capacity_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE capacity_record FORCE ROW LEVEL SECURITY;
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_check CHECK (
CASE use
    WHEN 'pool'::text THEN ((runtime IS NOT NULL) AND (function_id IS NULL))
    ELSE ((function_id IS NOT NULL) AND (function_name IS NOT NULL) AND (revision IS NOT NULL) AND (runtime IS NULL))
END);
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_cpu_milli_ms_check CHECK ((cpu_milli_ms >= (0)::numeric));
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_mb_ms_check CHECK ((mb_ms >= (0)::numeric));
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_ms_check CHECK ((ms > 0));
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_pkey PRIMARY KEY (id);
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_pod_uid_use_window_at_key UNIQUE (pod_uid, use, window_at);
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE capacity_record ADD CONSTRAINT capacity_record_use_check CHECK ((use = ANY (ARRAY['pool'::text, 'function'::text])));
CREATE INDEX capacity_by_time ON public.capacity_record USING btree (tenant_id, occurred_at, id);
CREATE POLICY all_rows ON capacity_record FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON capacity_record FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT INSERT, SELECT ON capacity_record TO fnplane_system;
GRANT SELECT ON capacity_record TO fnplane_tenant;

CREATE TABLE cluster (
  attempted_at timestamp with time zone,
  capacity jsonb,
  conditions jsonb NOT NULL DEFAULT '[]'::jsonb,
  connection text NOT NULL DEFAULT 'process'::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  gateway_url text,
  heartbeat_at timestamp with time zone,
  id uuid NOT NULL,
  kubernetes text,
  labels jsonb NOT NULL DEFAULT '{}'::jsonb,
  message text,
  name text NOT NULL,
  region text NOT NULL,
  rollout_engine text NOT NULL DEFAULT 'operator'::text,
  state text NOT NULL DEFAULT 'active'::text,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE cluster ADD CONSTRAINT cluster_connection_check CHECK ((connection = ANY (ARRAY['process'::text, 'registered'::text])));
ALTER TABLE cluster ADD CONSTRAINT cluster_name_key UNIQUE (name);
ALTER TABLE cluster ADD CONSTRAINT cluster_pkey PRIMARY KEY (id);
ALTER TABLE cluster ADD CONSTRAINT cluster_rollout_engine_check CHECK ((rollout_engine = ANY (ARRAY['operator'::text, 'argo'::text])));
ALTER TABLE cluster ADD CONSTRAINT cluster_state_check CHECK ((state = ANY (ARRAY['active'::text, 'cordoned'::text, 'draining'::text])));
GRANT DELETE, INSERT, SELECT, UPDATE ON cluster TO fnplane_system;
GRANT SELECT ON cluster TO fnplane_tenant;

CREATE TABLE cluster_credential (
  cluster_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  key_id text NOT NULL,
  number integer NOT NULL,
  sealed bytea NOT NULL,
  wrapped_key bytea NOT NULL
);
ALTER TABLE cluster_credential ADD CONSTRAINT cluster_credential_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES cluster(id) ON DELETE CASCADE;
ALTER TABLE cluster_credential ADD CONSTRAINT cluster_credential_pkey PRIMARY KEY (cluster_id);
CREATE INDEX cluster_credential_key ON public.cluster_credential USING btree (key_id, cluster_id);
CREATE TRIGGER cluster_credential_rewrapped AFTER UPDATE ON public.cluster_credential REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE TRIGGER cluster_credential_sealed AFTER INSERT ON public.cluster_credential REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
GRANT DELETE, INSERT, SELECT, UPDATE ON cluster_credential TO fnplane_system;

CREATE TABLE code_archive (
  content bytea NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  digest text NOT NULL,
  format text NOT NULL,
  size_bytes integer NOT NULL,
  tenant_id uuid NOT NULL,
  used_at timestamp with time zone NOT NULL DEFAULT now()
);
ALTER TABLE code_archive ENABLE ROW LEVEL SECURITY;
ALTER TABLE code_archive FORCE ROW LEVEL SECURITY;
ALTER TABLE code_archive ADD CONSTRAINT code_archive_digest_check CHECK ((digest ~ '^[0-9a-f]{64}$'::text));
ALTER TABLE code_archive ADD CONSTRAINT code_archive_format_check CHECK ((format = ANY (ARRAY['tar.gz'::text, 'zip'::text])));
ALTER TABLE code_archive ADD CONSTRAINT code_archive_pkey PRIMARY KEY (tenant_id, digest);
ALTER TABLE code_archive ADD CONSTRAINT code_archive_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX code_archive_age ON public.code_archive USING btree (used_at);
CREATE POLICY all_rows ON code_archive FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON code_archive FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON code_archive TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON code_archive TO fnplane_tenant;

CREATE TABLE config_set (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  data jsonb NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE config_set ENABLE ROW LEVEL SECURITY;
ALTER TABLE config_set FORCE ROW LEVEL SECURITY;
ALTER TABLE config_set ADD CONSTRAINT config_set_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE config_set ADD CONSTRAINT config_set_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE config_set ADD CONSTRAINT config_set_tenant_id_name_key UNIQUE (tenant_id, name);
CREATE INDEX config_set_page ON public.config_set USING btree (tenant_id, created_at, id);
CREATE POLICY all_rows ON config_set FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON config_set FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON config_set TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON config_set TO fnplane_tenant;

CREATE TABLE cron_trigger (
  created_at timestamp with time zone NOT NULL,
  function_id uuid NOT NULL,
  id uuid NOT NULL,
  last_invocation_id uuid,
  last_run_at timestamp with time zone,
  last_skip_reason text,
  last_skipped_at timestamp with time zone,
  name text NOT NULL,
  next_run_at timestamp with time zone,
  settings jsonb NOT NULL,
  skipped_runs bigint NOT NULL DEFAULT 0,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  version integer NOT NULL
);
ALTER TABLE cron_trigger ENABLE ROW LEVEL SECURITY;
ALTER TABLE cron_trigger FORCE ROW LEVEL SECURITY;
ALTER TABLE cron_trigger ADD CONSTRAINT cron_trigger_name UNIQUE (tenant_id, name);
ALTER TABLE cron_trigger ADD CONSTRAINT cron_trigger_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE cron_trigger ADD CONSTRAINT cron_trigger_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE cron_trigger ADD CONSTRAINT cron_trigger_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX cron_trigger_due ON public.cron_trigger USING btree (next_run_at) WHERE (next_run_at IS NOT NULL);
CREATE INDEX cron_trigger_function ON public.cron_trigger USING btree (tenant_id, function_id);
CREATE INDEX cron_trigger_page ON public.cron_trigger USING btree (tenant_id, created_at, id);
CREATE POLICY all_rows ON cron_trigger FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON cron_trigger FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON cron_trigger TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON cron_trigger TO fnplane_tenant;

CREATE TABLE encryption_key (
  check_value bytea,
  first_used_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  id text NOT NULL,
  provider text NOT NULL,
  retired_at timestamp with time zone,
  state text NOT NULL DEFAULT 'active'::text
);
ALTER TABLE encryption_key ADD CONSTRAINT encryption_key_pkey PRIMARY KEY (id);
ALTER TABLE encryption_key ADD CONSTRAINT encryption_key_provider_check CHECK ((provider = ANY (ARRAY['local'::text, 'aws-kms'::text, 'vault-transit'::text])));
ALTER TABLE encryption_key ADD CONSTRAINT encryption_key_state_check CHECK ((state = ANY (ARRAY['active'::text, 'retired'::text])));
GRANT INSERT, SELECT, UPDATE ON encryption_key TO fnplane_system;

CREATE TABLE event_counter (
  last bigint NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE event_counter ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_counter FORCE ROW LEVEL SECURITY;
ALTER TABLE event_counter ADD CONSTRAINT event_counter_pkey PRIMARY KEY (tenant_id);
ALTER TABLE event_counter ADD CONSTRAINT event_counter_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE POLICY all_rows ON event_counter FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON event_counter FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON event_counter TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON event_counter TO fnplane_tenant;

CREATE TABLE function (
  authentication text NOT NULL,
  conditions jsonb NOT NULL DEFAULT '[]'::jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  generation integer NOT NULL DEFAULT 1,
  id uuid NOT NULL,
  labels jsonb NOT NULL DEFAULT '{}'::jsonb,
  last_revision integer NOT NULL,
  name text NOT NULL,
  name_key text NOT NULL,
  observed_generation integer NOT NULL DEFAULT 0,
  places jsonb,
  previous_revision integer,
  ready_replicas integer NOT NULL DEFAULT 0,
  release jsonb NOT NULL DEFAULT '{}'::jsonb,
  replicas integer NOT NULL DEFAULT 0,
  rollout jsonb NOT NULL DEFAULT '{"strategy": "all-at-once"}'::jsonb,
  rollout_state jsonb NOT NULL DEFAULT '{"attempt": 0}'::jsonb,
  scaling jsonb NOT NULL,
  serving_revision integer,
  settings jsonb NOT NULL DEFAULT '{}'::jsonb,
  state text NOT NULL DEFAULT 'active'::text,
  suspension text NOT NULL DEFAULT 'none'::text,
  target_revision integer NOT NULL,
  tenant_id uuid NOT NULL,
  traffic jsonb NOT NULL DEFAULT '[{"percent": 100}]'::jsonb,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE function ENABLE ROW LEVEL SECURITY;
ALTER TABLE function FORCE ROW LEVEL SECURITY;
ALTER TABLE function ADD CONSTRAINT function_authentication_check CHECK ((authentication = ANY (ARRAY['required'::text, 'none'::text])));
ALTER TABLE function ADD CONSTRAINT function_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE function ADD CONSTRAINT function_state_check CHECK ((state = ANY (ARRAY['active'::text, 'deleting'::text])));
ALTER TABLE function ADD CONSTRAINT function_suspension_check CHECK ((suspension = ANY (ARRAY['none'::text, 'ingress'::text, 'compute'::text])));
ALTER TABLE function ADD CONSTRAINT function_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE function ADD CONSTRAINT function_tenant_id_name_key UNIQUE (tenant_id, name);
CREATE UNIQUE INDEX function_id_key ON public.function USING btree (id);
CREATE INDEX function_page ON public.function USING btree (tenant_id, created_at, id);
CREATE INDEX function_placed ON public.function USING btree (tenant_id) WHERE (places IS NOT NULL);
CREATE POLICY all_rows ON function FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON function FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON function TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON function TO fnplane_tenant;

CREATE TABLE function_metric (
  at timestamp with time zone NOT NULL,
  client_errors bigint NOT NULL DEFAULT 0,
  cluster text NOT NULL,
  cold_starts bigint NOT NULL DEFAULT 0,
  duration_ms bigint NOT NULL DEFAULT 0,
  durations bigint[] NOT NULL,
  function_id uuid NOT NULL,
  in_flight integer NOT NULL DEFAULT 0,
  pods integer NOT NULL DEFAULT 0,
  resolution integer NOT NULL,
  server_errors bigint NOT NULL DEFAULT 0,
  succeeded bigint NOT NULL DEFAULT 0,
  tenant_id uuid NOT NULL
);
ALTER TABLE function_metric ENABLE ROW LEVEL SECURITY;
ALTER TABLE function_metric FORCE ROW LEVEL SECURITY;
ALTER TABLE function_metric ADD CONSTRAINT function_metric_pkey PRIMARY KEY (tenant_id, function_id, resolution, at, cluster);
ALTER TABLE function_metric ADD CONSTRAINT function_metric_resolution_check CHECK ((resolution = ANY (ARRAY[60, 3600])));
ALTER TABLE function_metric ADD CONSTRAINT function_metric_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX function_metric_age ON public.function_metric USING btree (resolution, at);
CREATE INDEX function_metric_of_tenant ON public.function_metric USING btree (tenant_id, resolution, at);
CREATE POLICY all_rows ON function_metric FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON function_metric FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON function_metric TO fnplane_system;
GRANT SELECT ON function_metric TO fnplane_tenant;

CREATE TABLE function_metric_cursor (
  cluster text NOT NULL,
  function_id uuid NOT NULL,
  instance text NOT NULL,
  read_at timestamp with time zone NOT NULL,
  tenant_id uuid NOT NULL,
  totals bigint[] NOT NULL
);
ALTER TABLE function_metric_cursor ENABLE ROW LEVEL SECURITY;
ALTER TABLE function_metric_cursor FORCE ROW LEVEL SECURITY;
ALTER TABLE function_metric_cursor ADD CONSTRAINT function_metric_cursor_pkey PRIMARY KEY (cluster, instance, function_id);
ALTER TABLE function_metric_cursor ADD CONSTRAINT function_metric_cursor_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX function_metric_cursor_age ON public.function_metric_cursor USING btree (read_at);
CREATE POLICY all_rows ON function_metric_cursor FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON function_metric_cursor FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON function_metric_cursor TO fnplane_system;
GRANT SELECT ON function_metric_cursor TO fnplane_tenant;

CREATE TABLE http_trigger (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  function_id uuid NOT NULL,
  host text NOT NULL,
  id uuid NOT NULL,
  name text NOT NULL,
  path text NOT NULL,
  path_type text NOT NULL,
  settings jsonb NOT NULL,
  tenant_id uuid NOT NULL,
  through_gateway boolean NOT NULL DEFAULT false,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE http_trigger ENABLE ROW LEVEL SECURITY;
ALTER TABLE http_trigger FORCE ROW LEVEL SECURITY;
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_name UNIQUE (tenant_id, name);
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_owner EXCLUDE USING gist (tenant_id WITH <>, types.http_route(((host || rtrim(path, '/'::text)) || '/'::text), ((host || rtrim(path, '/'::text)) ||
CASE path_type
    WHEN 'prefix'::text THEN '0'::text
    ELSE '/'::text
END), '[]'::text) WITH &&);
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_path_type_check CHECK ((path_type = ANY (ARRAY['exact'::text, 'prefix'::text])));
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_route UNIQUE (host, path_type, path);
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE http_trigger ADD CONSTRAINT http_trigger_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX http_trigger_function ON public.http_trigger USING btree (tenant_id, function_id);
CREATE INDEX http_trigger_page ON public.http_trigger USING btree (tenant_id, created_at, id);
CREATE POLICY all_rows ON http_trigger FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON http_trigger FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON http_trigger TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON http_trigger TO fnplane_tenant;

CREATE TABLE idempotency_key (
  body bytea,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  headers jsonb,
  key text NOT NULL,
  locked_until timestamp with time zone NOT NULL,
  request_hash text NOT NULL,
  scope text NOT NULL,
  state text NOT NULL,
  status integer
);
ALTER TABLE idempotency_key ADD CONSTRAINT idempotency_key_pkey PRIMARY KEY (scope, key);
ALTER TABLE idempotency_key ADD CONSTRAINT idempotency_key_state_check CHECK ((state = ANY (ARRAY['running'::text, 'done'::text])));
CREATE INDEX idempotency_age ON public.idempotency_key USING btree (created_at);
CREATE INDEX idempotency_tenant ON public.idempotency_key USING btree ("right"(scope, 37));
GRANT DELETE, INSERT, SELECT, UPDATE ON idempotency_key TO fnplane_system;

CREATE TABLE invitation (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  email text NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  id uuid NOT NULL,
  invited_by text NOT NULL,
  role text NOT NULL,
  tenant_id uuid NOT NULL,
  tenant_name text NOT NULL
);
ALTER TABLE invitation ENABLE ROW LEVEL SECURITY;
ALTER TABLE invitation FORCE ROW LEVEL SECURITY;
ALTER TABLE invitation ADD CONSTRAINT invitation_once UNIQUE (tenant_id, email);
ALTER TABLE invitation ADD CONSTRAINT invitation_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE invitation ADD CONSTRAINT invitation_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'developer'::text, 'viewer'::text, 'billing'::text])));
ALTER TABLE invitation ADD CONSTRAINT invitation_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX invitation_page ON public.invitation USING btree (tenant_id, created_at, id);
CREATE INDEX invitation_person ON public.invitation USING btree (email, created_at, id);
CREATE POLICY all_rows ON invitation FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON invitation FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON invitation TO fnplane_system;
GRANT DELETE, INSERT, SELECT ON invitation TO fnplane_tenant;

CREATE TABLE kafka_trigger (
  assigned_partitions integer NOT NULL DEFAULT 0,
  consumer_group text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  dead_lettered bigint NOT NULL DEFAULT 0,
  delivered bigint NOT NULL DEFAULT 0,
  epoch integer NOT NULL DEFAULT 1,
  failed bigint NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  function_id uuid NOT NULL,
  id uuid NOT NULL,
  lag bigint,
  last_delivery_at timestamp with time zone,
  name text NOT NULL,
  ready_message text NOT NULL,
  ready_reason text NOT NULL,
  ready_since timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  ready_status text NOT NULL,
  run uuid,
  secret text,
  settings jsonb NOT NULL,
  skipped bigint NOT NULL DEFAULT 0,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE kafka_trigger ENABLE ROW LEVEL SECURITY;
ALTER TABLE kafka_trigger FORCE ROW LEVEL SECURITY;
ALTER TABLE kafka_trigger ADD CONSTRAINT kafka_trigger_group UNIQUE (tenant_id, consumer_group);
ALTER TABLE kafka_trigger ADD CONSTRAINT kafka_trigger_name UNIQUE (tenant_id, name);
ALTER TABLE kafka_trigger ADD CONSTRAINT kafka_trigger_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE kafka_trigger ADD CONSTRAINT kafka_trigger_ready_status_check CHECK ((ready_status = ANY (ARRAY['True'::text, 'False'::text, 'Unknown'::text])));
ALTER TABLE kafka_trigger ADD CONSTRAINT kafka_trigger_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE kafka_trigger ADD CONSTRAINT kafka_trigger_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX kafka_trigger_function ON public.kafka_trigger USING btree (tenant_id, function_id);
CREATE INDEX kafka_trigger_page ON public.kafka_trigger USING btree (tenant_id, created_at, id);
CREATE INDEX kafka_trigger_secret ON public.kafka_trigger USING btree (tenant_id, secret) WHERE (secret IS NOT NULL);
CREATE POLICY all_rows ON kafka_trigger FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON kafka_trigger FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON kafka_trigger TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON kafka_trigger TO fnplane_tenant;

CREATE TABLE log_collector (
  cluster_id uuid NOT NULL,
  held_until timestamp with time zone NOT NULL,
  holder uuid NOT NULL
);
ALTER TABLE log_collector ADD CONSTRAINT log_collector_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES cluster(id) ON DELETE CASCADE;
ALTER TABLE log_collector ADD CONSTRAINT log_collector_pkey PRIMARY KEY (cluster_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON log_collector TO fnplane_system;

CREATE TABLE log_entry (
  bytes integer NOT NULL,
  cluster text NOT NULL,
  collected_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  fields text,
  function_id uuid NOT NULL,
  level text,
  message text NOT NULL,
  pod text NOT NULL,
  "position" bigint NOT NULL,
  request_id text,
  revision integer NOT NULL,
  tenant_id uuid NOT NULL,
  "time" timestamp with time zone NOT NULL
);
ALTER TABLE log_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_entry FORCE ROW LEVEL SECURITY;
ALTER TABLE log_entry ADD CONSTRAINT log_entry_level_check CHECK ((level = ANY (ARRAY['debug'::text, 'info'::text, 'warn'::text, 'error'::text])));
ALTER TABLE log_entry ADD CONSTRAINT log_entry_pkey PRIMARY KEY (tenant_id, "position");
ALTER TABLE log_entry ADD CONSTRAINT log_entry_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX log_entry_function ON public.log_entry USING btree (tenant_id, function_id, "position");
CREATE INDEX log_entry_request ON public.log_entry USING btree (tenant_id, function_id, request_id, "position") WHERE (request_id IS NOT NULL);
CREATE INDEX log_entry_time ON public.log_entry USING btree (tenant_id, function_id, "time");
CREATE POLICY all_rows ON log_entry FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON log_entry FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON log_entry TO fnplane_system;
GRANT SELECT ON log_entry TO fnplane_tenant;

CREATE TABLE log_source (
  function_id uuid NOT NULL,
  pod_uid uuid NOT NULL,
  read_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  read_to bigint NOT NULL DEFAULT 0,
  tenant_id uuid NOT NULL
);
ALTER TABLE log_source ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_source FORCE ROW LEVEL SECURITY;
ALTER TABLE log_source ADD CONSTRAINT log_source_pkey PRIMARY KEY (tenant_id, pod_uid);
ALTER TABLE log_source ADD CONSTRAINT log_source_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX log_source_age ON public.log_source USING btree (read_at);
CREATE INDEX log_source_function ON public.log_source USING btree (tenant_id, function_id);
CREATE POLICY all_rows ON log_source FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON log_source FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON log_source TO fnplane_system;
GRANT SELECT ON log_source TO fnplane_tenant;

CREATE TABLE log_volume (
  bytes bigint NOT NULL DEFAULT 0,
  last_position bigint NOT NULL DEFAULT 0,
  swept_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  tenant_id uuid NOT NULL
);
ALTER TABLE log_volume ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_volume FORCE ROW LEVEL SECURITY;
ALTER TABLE log_volume ADD CONSTRAINT log_volume_pkey PRIMARY KEY (tenant_id);
ALTER TABLE log_volume ADD CONSTRAINT log_volume_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE POLICY all_rows ON log_volume FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON log_volume FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON log_volume TO fnplane_system;
GRANT SELECT ON log_volume TO fnplane_tenant;

CREATE TABLE member (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  id uuid NOT NULL,
  issuer text NOT NULL,
  role text NOT NULL,
  subject text NOT NULL,
  tenant_id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE member ENABLE ROW LEVEL SECURITY;
ALTER TABLE member FORCE ROW LEVEL SECURITY;
ALTER TABLE member ADD CONSTRAINT member_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE member ADD CONSTRAINT member_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'developer'::text, 'viewer'::text, 'billing'::text])));
ALTER TABLE member ADD CONSTRAINT member_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE member ADD CONSTRAINT member_tenant_id_issuer_subject_key UNIQUE (tenant_id, issuer, subject);
CREATE INDEX member_page ON public.member USING btree (tenant_id, created_at, id);
CREATE INDEX member_subject ON public.member USING btree (issuer, subject);
CREATE POLICY all_rows ON member FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON member FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON member TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON member TO fnplane_tenant;

CREATE TABLE meter_cursor (
  billed_ms bigint NOT NULL DEFAULT 0,
  cluster text NOT NULL,
  function_id uuid NOT NULL,
  instance text NOT NULL,
  invocations bigint NOT NULL DEFAULT 0,
  read_at timestamp with time zone NOT NULL,
  request_bytes bigint NOT NULL DEFAULT 0,
  response_bytes bigint NOT NULL DEFAULT 0,
  revision integer NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE meter_cursor ENABLE ROW LEVEL SECURITY;
ALTER TABLE meter_cursor FORCE ROW LEVEL SECURITY;
ALTER TABLE meter_cursor ADD CONSTRAINT meter_cursor_pkey PRIMARY KEY (cluster, instance, function_id, revision);
ALTER TABLE meter_cursor ADD CONSTRAINT meter_cursor_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX meter_cursor_age ON public.meter_cursor USING btree (read_at);
CREATE POLICY all_rows ON meter_cursor FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON meter_cursor FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON meter_cursor TO fnplane_system;
GRANT SELECT ON meter_cursor TO fnplane_tenant;

CREATE TABLE operation (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  finished_at timestamp with time zone,
  generation integer NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  message text,
  reason text,
  state text NOT NULL,
  target_id uuid NOT NULL,
  target_kind text NOT NULL,
  target_name text NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE operation ENABLE ROW LEVEL SECURITY;
ALTER TABLE operation FORCE ROW LEVEL SECURITY;
ALTER TABLE operation ADD CONSTRAINT operation_pkey PRIMARY KEY (id);
ALTER TABLE operation ADD CONSTRAINT operation_state_check CHECK ((state = ANY (ARRAY['running'::text, 'succeeded'::text, 'failed'::text, 'superseded'::text])));
ALTER TABLE operation ADD CONSTRAINT operation_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX operation_page ON public.operation USING btree (tenant_id, created_at, id);
CREATE INDEX operation_running ON public.operation USING btree (target_id) WHERE (state = 'running'::text);
CREATE POLICY all_rows ON operation FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON operation FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON operation TO fnplane_system;
GRANT INSERT, SELECT, UPDATE ON operation TO fnplane_tenant;

CREATE TABLE placement (
  applied jsonb NOT NULL DEFAULT '{}'::jsonb,
  cluster_id uuid NOT NULL,
  conditions jsonb NOT NULL DEFAULT '[]'::jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  generation integer NOT NULL DEFAULT 1,
  namespace text NOT NULL,
  namespace_uid text,
  observed_generation integer NOT NULL DEFAULT 0,
  state text NOT NULL,
  state_since timestamp with time zone NOT NULL DEFAULT now(),
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  verified_at timestamp with time zone,
  wanted_by text NOT NULL DEFAULT 'tenant'::text,
  workloads jsonb
);
ALTER TABLE placement ENABLE ROW LEVEL SECURITY;
ALTER TABLE placement FORCE ROW LEVEL SECURITY;
ALTER TABLE placement ADD CONSTRAINT placement_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES cluster(id);
ALTER TABLE placement ADD CONSTRAINT placement_cluster_id_namespace_key UNIQUE (cluster_id, namespace);
ALTER TABLE placement ADD CONSTRAINT placement_pkey PRIMARY KEY (tenant_id, cluster_id);
ALTER TABLE placement ADD CONSTRAINT placement_state_check CHECK ((state = ANY (ARRAY['pending'::text, 'active'::text, 'leaving'::text, 'deleting'::text, 'orphaned'::text])));
ALTER TABLE placement ADD CONSTRAINT placement_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE placement ADD CONSTRAINT placement_wanted_by_check CHECK ((wanted_by = ANY (ARRAY['tenant'::text, 'functions'::text])));
CREATE INDEX placement_cluster ON public.placement USING btree (cluster_id, tenant_id);
CREATE POLICY all_rows ON placement FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON placement FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON placement TO fnplane_system;
GRANT INSERT, SELECT, UPDATE ON placement TO fnplane_tenant;

CREATE TABLE placement_settings (
  cluster_labels jsonb NOT NULL DEFAULT '{}'::jsonb,
  clusters integer NOT NULL DEFAULT 1,
  regions text[] NOT NULL DEFAULT '{}'::text[],
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE placement_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE placement_settings FORCE ROW LEVEL SECURITY;
ALTER TABLE placement_settings ADD CONSTRAINT placement_settings_clusters_check CHECK (((clusters >= 1) AND (clusters <= 10)));
ALTER TABLE placement_settings ADD CONSTRAINT placement_settings_pkey PRIMARY KEY (tenant_id);
ALTER TABLE placement_settings ADD CONSTRAINT placement_settings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE POLICY all_rows ON placement_settings FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON placement_settings FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON placement_settings TO fnplane_system;
GRANT INSERT, SELECT, UPDATE ON placement_settings TO fnplane_tenant;

CREATE TABLE plan (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  currency text NOT NULL,
  description text NOT NULL DEFAULT ''::text,
  limits jsonb NOT NULL,
  name text NOT NULL
);
ALTER TABLE plan ADD CONSTRAINT plan_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text));
ALTER TABLE plan ADD CONSTRAINT plan_pkey PRIMARY KEY (name);
GRANT SELECT ON plan TO fnplane_system;
GRANT SELECT ON plan TO fnplane_tenant;

CREATE TABLE platform_event (
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  data jsonb NOT NULL,
  id uuid NOT NULL,
  recipient uuid,
  sequence bigint NOT NULL,
  subject text NOT NULL,
  tenant_id uuid NOT NULL,
  type text NOT NULL
);
ALTER TABLE platform_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE platform_event FORCE ROW LEVEL SECURITY;
ALTER TABLE platform_event ADD CONSTRAINT platform_event_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE platform_event ADD CONSTRAINT platform_event_sequence UNIQUE (tenant_id, sequence);
ALTER TABLE platform_event ADD CONSTRAINT platform_event_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX platform_event_age ON public.platform_event USING btree (at);
CREATE INDEX platform_event_subject ON public.platform_event USING btree (tenant_id, subject, sequence);
CREATE TRIGGER platform_event_told AFTER INSERT ON public.platform_event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION wake_webhooks();
CREATE POLICY all_rows ON platform_event FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON platform_event FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON platform_event TO fnplane_system;
GRANT DELETE, INSERT, SELECT ON platform_event TO fnplane_tenant;

CREATE TABLE price (
  amount numeric(38,18) NOT NULL,
  free_allowance numeric(38,0) NOT NULL DEFAULT 0,
  meter text NOT NULL,
  per numeric(38,0) NOT NULL,
  plan text NOT NULL
);
ALTER TABLE price ADD CONSTRAINT price_amount_check CHECK ((amount >= (0)::numeric));
ALTER TABLE price ADD CONSTRAINT price_free_allowance_check CHECK ((free_allowance >= (0)::numeric));
ALTER TABLE price ADD CONSTRAINT price_meter_check CHECK ((meter = ANY (ARRAY['invocations'::text, 'gb_seconds'::text, 'cpu_seconds'::text, 'response_gb'::text, 'idle_gb_seconds'::text, 'idle_cpu_seconds'::text, 'pool_gb_seconds'::text, 'pool_cpu_seconds'::text])));
ALTER TABLE price ADD CONSTRAINT price_per_check CHECK ((per > (0)::numeric));
ALTER TABLE price ADD CONSTRAINT price_pkey PRIMARY KEY (plan, meter);
ALTER TABLE price ADD CONSTRAINT price_plan_fkey FOREIGN KEY (plan) REFERENCES plan(name);
GRANT SELECT ON price TO fnplane_system;
GRANT SELECT ON price TO fnplane_tenant;

CREATE TABLE quota_reservation (
  amounts jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  holder text NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE quota_reservation ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_reservation FORCE ROW LEVEL SECURITY;
ALTER TABLE quota_reservation ADD CONSTRAINT quota_reservation_pkey PRIMARY KEY (tenant_id, holder);
ALTER TABLE quota_reservation ADD CONSTRAINT quota_reservation_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE POLICY all_rows ON quota_reservation FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON quota_reservation FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON quota_reservation TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON quota_reservation TO fnplane_tenant;

CREATE TABLE rate_bucket (
  full_at timestamp with time zone NOT NULL,
  granted integer NOT NULL,
  key text NOT NULL
);
ALTER TABLE rate_bucket ADD CONSTRAINT rate_bucket_pkey PRIMARY KEY (key);
GRANT DELETE, INSERT, SELECT, UPDATE ON rate_bucket TO fnplane_system;

CREATE TABLE revision (
  build_error text,
  build_state text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  effective jsonb NOT NULL,
  function_id uuid NOT NULL,
  image text,
  number integer NOT NULL,
  pinned boolean NOT NULL DEFAULT false,
  secret_versions jsonb NOT NULL DEFAULT '{}'::jsonb,
  spec jsonb NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE revision ENABLE ROW LEVEL SECURITY;
ALTER TABLE revision FORCE ROW LEVEL SECURITY;
ALTER TABLE revision ADD CONSTRAINT revision_build_state_check CHECK ((build_state = ANY (ARRAY['pending'::text, 'built'::text, 'failed'::text])));
ALTER TABLE revision ADD CONSTRAINT revision_pkey PRIMARY KEY (tenant_id, function_id, number);
ALTER TABLE revision ADD CONSTRAINT revision_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE POLICY all_rows ON revision FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON revision FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON revision TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON revision TO fnplane_tenant;

CREATE TABLE revision_reference (
  function_id uuid NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  number integer NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE revision_reference ENABLE ROW LEVEL SECURITY;
ALTER TABLE revision_reference FORCE ROW LEVEL SECURITY;
ALTER TABLE revision_reference ADD CONSTRAINT revision_reference_kind_check CHECK ((kind = ANY (ARRAY['config'::text, 'secret'::text, 'code'::text])));
ALTER TABLE revision_reference ADD CONSTRAINT revision_reference_pkey PRIMARY KEY (tenant_id, kind, name, function_id, number);
ALTER TABLE revision_reference ADD CONSTRAINT revision_reference_tenant_id_function_id_number_fkey FOREIGN KEY (tenant_id, function_id, number) REFERENCES revision(tenant_id, function_id, number) ON DELETE CASCADE;
CREATE INDEX revision_reference_revision ON public.revision_reference USING btree (tenant_id, function_id, number);
CREATE POLICY all_rows ON revision_reference FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON revision_reference FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON revision_reference TO fnplane_system;
GRANT DELETE, INSERT, SELECT ON revision_reference TO fnplane_tenant;

CREATE TABLE rewrap_run (
  finished_at timestamp with time zone,
  id uuid NOT NULL,
  parts_left text[] NOT NULL,
  requested_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  rewrapped bigint NOT NULL DEFAULT 0,
  target_key text NOT NULL,
  total bigint NOT NULL,
  unreadable bigint NOT NULL DEFAULT 0
);
ALTER TABLE rewrap_run ADD CONSTRAINT rewrap_run_pkey PRIMARY KEY (id);
ALTER TABLE rewrap_run ADD CONSTRAINT rewrap_run_target_key_fkey FOREIGN KEY (target_key) REFERENCES encryption_key(id);
CREATE UNIQUE INDEX rewrap_run_open ON public.rewrap_run USING btree ((true)) WHERE (finished_at IS NULL);
CREATE INDEX rewrap_run_page ON public.rewrap_run USING btree (requested_at);
GRANT INSERT, SELECT, UPDATE ON rewrap_run TO fnplane_system;

CREATE TABLE secret (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  current_version integer NOT NULL,
  id uuid NOT NULL,
  keys text[] NOT NULL,
  name text NOT NULL,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret FORCE ROW LEVEL SECURITY;
ALTER TABLE secret ADD CONSTRAINT secret_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE secret ADD CONSTRAINT secret_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE secret ADD CONSTRAINT secret_tenant_id_name_key UNIQUE (tenant_id, name);
CREATE INDEX secret_page ON public.secret USING btree (tenant_id, created_at, id);
CREATE POLICY all_rows ON secret FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON secret FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON secret TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON secret TO fnplane_tenant;

CREATE TABLE secret_version (
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  created_by text,
  destroyed_at timestamp with time zone,
  key_id text,
  keys text[],
  number integer NOT NULL,
  sealed bytea,
  secret_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  wrapped_key bytea
);
ALTER TABLE secret_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_version FORCE ROW LEVEL SECURITY;
ALTER TABLE secret_version ADD CONSTRAINT secret_version_destroyed CHECK ((num_nonnulls(key_id, wrapped_key, sealed) =
CASE
    WHEN (destroyed_at IS NULL) THEN 3
    ELSE 0
END));
ALTER TABLE secret_version ADD CONSTRAINT secret_version_pkey PRIMARY KEY (tenant_id, secret_id, number);
ALTER TABLE secret_version ADD CONSTRAINT secret_version_tenant_id_secret_id_fkey FOREIGN KEY (tenant_id, secret_id) REFERENCES secret(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX secret_version_key ON public.secret_version USING btree (key_id, secret_id, number);
CREATE TRIGGER secret_version_rewrapped AFTER UPDATE ON public.secret_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE TRIGGER secret_version_sealed AFTER INSERT ON public.secret_version REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE POLICY all_rows ON secret_version FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON secret_version FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON secret_version TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON secret_version TO fnplane_tenant;

CREATE TABLE tenant (
  conditions jsonb NOT NULL DEFAULT '[]'::jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  deleted_at timestamp with time zone,
  display_name text NOT NULL DEFAULT ''::text,
  generation integer NOT NULL DEFAULT 1,
  id uuid NOT NULL,
  labels jsonb NOT NULL DEFAULT '{}'::jsonb,
  name text NOT NULL,
  observed_generation integer NOT NULL DEFAULT 0,
  plan text NOT NULL,
  spend_reached jsonb,
  state text NOT NULL,
  suspension text NOT NULL DEFAULT 'none'::text,
  time_zone text NOT NULL DEFAULT 'UTC'::text,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant ADD CONSTRAINT tenant_pkey PRIMARY KEY (id);
ALTER TABLE tenant ADD CONSTRAINT tenant_plan_fkey FOREIGN KEY (plan) REFERENCES plan(name);
ALTER TABLE tenant ADD CONSTRAINT tenant_state_check CHECK ((state = ANY (ARRAY['active'::text, 'deleting'::text, 'deleted'::text])));
ALTER TABLE tenant ADD CONSTRAINT tenant_suspension_check CHECK ((suspension = ANY (ARRAY['none'::text, 'writes'::text, 'ingress'::text, 'compute'::text])));
CREATE UNIQUE INDEX tenant_name_key ON public.tenant USING btree (name) WHERE (state <> 'deleted'::text);
CREATE INDEX tenant_page ON public.tenant USING btree (created_at, id);
CREATE INDEX tenant_spend_reached ON public.tenant USING btree (name) WHERE (spend_reached IS NOT NULL);
CREATE POLICY all_rows ON tenant FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON tenant FOR ALL TO fnplane_tenant USING ((id = current_tenant())) WITH CHECK ((id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON tenant TO fnplane_system;
GRANT SELECT, UPDATE ON tenant TO fnplane_tenant;

CREATE TABLE tenant_quota (
  overrides jsonb NOT NULL DEFAULT '{}'::jsonb,
  reserved jsonb NOT NULL DEFAULT '{}'::jsonb,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE tenant_quota ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_quota FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_quota ADD CONSTRAINT tenant_quota_pkey PRIMARY KEY (tenant_id);
ALTER TABLE tenant_quota ADD CONSTRAINT tenant_quota_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE POLICY all_rows ON tenant_quota FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON tenant_quota FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON tenant_quota TO fnplane_system;
GRANT INSERT, SELECT, UPDATE ON tenant_quota TO fnplane_tenant;

CREATE TABLE usage_record (
  billed_ms bigint NOT NULL,
  cluster text NOT NULL,
  cpu_milli_ms numeric(38,0) NOT NULL,
  dedupe_key text NOT NULL,
  function_id uuid NOT NULL,
  function_name text NOT NULL,
  id uuid NOT NULL,
  invocations bigint NOT NULL,
  mb_ms numeric(38,0) NOT NULL,
  occurred_at timestamp with time zone NOT NULL,
  recorded_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  request_bytes bigint NOT NULL,
  response_bytes bigint NOT NULL,
  revision integer NOT NULL,
  tenant_id uuid NOT NULL
);
ALTER TABLE usage_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_record FORCE ROW LEVEL SECURITY;
ALTER TABLE usage_record ADD CONSTRAINT usage_record_billed_ms_check CHECK ((billed_ms >= 0));
ALTER TABLE usage_record ADD CONSTRAINT usage_record_cpu_milli_ms_check CHECK ((cpu_milli_ms >= (0)::numeric));
ALTER TABLE usage_record ADD CONSTRAINT usage_record_dedupe_key_key UNIQUE (dedupe_key);
ALTER TABLE usage_record ADD CONSTRAINT usage_record_invocations_check CHECK ((invocations >= 0));
ALTER TABLE usage_record ADD CONSTRAINT usage_record_mb_ms_check CHECK ((mb_ms >= (0)::numeric));
ALTER TABLE usage_record ADD CONSTRAINT usage_record_pkey PRIMARY KEY (id);
ALTER TABLE usage_record ADD CONSTRAINT usage_record_request_bytes_check CHECK ((request_bytes >= 0));
ALTER TABLE usage_record ADD CONSTRAINT usage_record_response_bytes_check CHECK ((response_bytes >= 0));
ALTER TABLE usage_record ADD CONSTRAINT usage_record_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE INDEX usage_by_time ON public.usage_record USING btree (tenant_id, occurred_at, id);
CREATE POLICY all_rows ON usage_record FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON usage_record FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT INSERT, SELECT ON usage_record TO fnplane_system;
GRANT SELECT ON usage_record TO fnplane_tenant;

CREATE TABLE warm_pool (
  runtimes jsonb NOT NULL,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL,
  version integer NOT NULL
);
ALTER TABLE warm_pool ENABLE ROW LEVEL SECURITY;
ALTER TABLE warm_pool FORCE ROW LEVEL SECURITY;
ALTER TABLE warm_pool ADD CONSTRAINT warm_pool_pkey PRIMARY KEY (tenant_id);
ALTER TABLE warm_pool ADD CONSTRAINT warm_pool_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
CREATE POLICY all_rows ON warm_pool FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON warm_pool FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON warm_pool TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON warm_pool TO fnplane_tenant;

CREATE TABLE warm_pool_status (
  cluster_id uuid NOT NULL,
  observed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  status jsonb NOT NULL,
  tenant_id uuid NOT NULL,
  uid text NOT NULL,
  version numeric NOT NULL
);
ALTER TABLE warm_pool_status ENABLE ROW LEVEL SECURITY;
ALTER TABLE warm_pool_status FORCE ROW LEVEL SECURITY;
ALTER TABLE warm_pool_status ADD CONSTRAINT warm_pool_status_cluster_id_fkey FOREIGN KEY (cluster_id) REFERENCES cluster(id) ON DELETE CASCADE;
ALTER TABLE warm_pool_status ADD CONSTRAINT warm_pool_status_pkey PRIMARY KEY (tenant_id, cluster_id);
ALTER TABLE warm_pool_status ADD CONSTRAINT warm_pool_status_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES warm_pool(tenant_id) ON DELETE CASCADE;
CREATE POLICY all_rows ON warm_pool_status FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON warm_pool_status FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON warm_pool_status TO fnplane_system;
GRANT SELECT ON warm_pool_status TO fnplane_tenant;

CREATE TABLE webhook (
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  cursor bigint NOT NULL,
  deliveries bigint NOT NULL DEFAULT 0,
  disabled boolean NOT NULL DEFAULT false,
  ended text,
  ended_at timestamp with time zone,
  events text[],
  failing_since timestamp with time zone,
  failures integer NOT NULL DEFAULT 0,
  function_id uuid,
  id uuid NOT NULL,
  name text,
  next_attempt_at timestamp with time zone,
  outcome text,
  tenant_id uuid NOT NULL,
  updated_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  url text NOT NULL,
  version integer NOT NULL DEFAULT 1
);
ALTER TABLE webhook ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook ADD CONSTRAINT webhook_destination UNIQUE (tenant_id, function_id, outcome);
ALTER TABLE webhook ADD CONSTRAINT webhook_ended CHECK (((ended IS NULL) = (ended_at IS NULL)));
ALTER TABLE webhook ADD CONSTRAINT webhook_ended_check CHECK ((ended = ANY (ARRAY['gone'::text, 'failing'::text])));
ALTER TABLE webhook ADD CONSTRAINT webhook_kind CHECK ((((name IS NULL) = (function_id IS NOT NULL)) AND ((name IS NULL) = (outcome IS NOT NULL))));
ALTER TABLE webhook ADD CONSTRAINT webhook_name UNIQUE (tenant_id, name);
ALTER TABLE webhook ADD CONSTRAINT webhook_outcome_check CHECK ((outcome = ANY (ARRAY['success'::text, 'failure'::text])));
ALTER TABLE webhook ADD CONSTRAINT webhook_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE webhook ADD CONSTRAINT webhook_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenant(id);
ALTER TABLE webhook ADD CONSTRAINT webhook_tenant_id_function_id_fkey FOREIGN KEY (tenant_id, function_id) REFERENCES function(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX webhook_page ON public.webhook USING btree (tenant_id, created_at, id);
CREATE POLICY all_rows ON webhook FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON webhook FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook TO fnplane_tenant;

CREATE TABLE webhook_delivery (
  at timestamp with time zone NOT NULL,
  attempt integer NOT NULL,
  delivered boolean NOT NULL,
  duration_ms integer NOT NULL,
  error_code text,
  error_message text,
  event_id uuid NOT NULL,
  event_type text NOT NULL,
  number bigint NOT NULL,
  status integer,
  tenant_id uuid NOT NULL,
  webhook_id uuid NOT NULL
);
ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_delivery FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_pkey PRIMARY KEY (tenant_id, webhook_id, number);
ALTER TABLE webhook_delivery ADD CONSTRAINT webhook_delivery_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook(tenant_id, id) ON DELETE CASCADE;
CREATE POLICY all_rows ON webhook_delivery FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON webhook_delivery FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_delivery TO fnplane_system;
GRANT DELETE, INSERT, SELECT ON webhook_delivery TO fnplane_tenant;

CREATE TABLE webhook_secret (
  created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamp with time zone,
  key_id text NOT NULL,
  number integer NOT NULL,
  sealed bytea NOT NULL,
  tenant_id uuid NOT NULL,
  webhook_id uuid NOT NULL,
  wrapped_key bytea NOT NULL
);
ALTER TABLE webhook_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_secret FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_secret ADD CONSTRAINT webhook_secret_pkey PRIMARY KEY (tenant_id, webhook_id, number);
ALTER TABLE webhook_secret ADD CONSTRAINT webhook_secret_tenant_id_webhook_id_fkey FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook(tenant_id, id) ON DELETE CASCADE;
CREATE INDEX webhook_secret_key ON public.webhook_secret USING btree (key_id, tenant_id, webhook_id, number);
CREATE TRIGGER webhook_secret_rewrapped AFTER UPDATE ON public.webhook_secret REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE TRIGGER webhook_secret_sealed AFTER INSERT ON public.webhook_secret REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE POLICY all_rows ON webhook_secret FOR ALL TO fnplane_system USING (true) WITH CHECK (true);
CREATE POLICY own_rows ON webhook_secret FOR ALL TO fnplane_tenant USING ((tenant_id = current_tenant())) WITH CHECK ((tenant_id = current_tenant()));
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_secret TO fnplane_system;
GRANT DELETE, INSERT, SELECT, UPDATE ON webhook_secret TO fnplane_tenant;

CREATE TABLE work_item (
  attempts integer NOT NULL DEFAULT 0,
  claimed_gen bigint,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  fair_group text NOT NULL DEFAULT ''::text,
  gen bigint NOT NULL DEFAULT 1,
  key text NOT NULL,
  kind text NOT NULL,
  last_error text,
  lease uuid,
  visible_at timestamp with time zone NOT NULL DEFAULT now()
);
ALTER TABLE work_item ADD CONSTRAINT work_item_pkey PRIMARY KEY (kind, key);
CREATE INDEX work_item_due ON public.work_item USING btree (kind, visible_at);
CREATE INDEX work_item_failing ON public.work_item USING btree (kind) WHERE (attempts >= 10);
CREATE INDEX work_item_group ON public.work_item USING btree (kind, fair_group, visible_at);
GRANT DELETE, INSERT, SELECT, UPDATE ON work_item TO fnplane_system;
