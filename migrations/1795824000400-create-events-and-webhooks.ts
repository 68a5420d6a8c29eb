import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What happened in tenants, and the addresses outside that are told of it. */
export class CreateEventsAndWebhooks1795824000400 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(EVENTS);
    await runner.query(WEBHOOKS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const EVENTS = `
-- Whoever adds an event holds the tenant's row until it commits: a sequence that can be seen has none below it that is yet to come.
CREATE TABLE event_counter (
  tenant_id uuid PRIMARY KEY REFERENCES tenant (id),
  last      bigint NOT NULL
);
SELECT protect_tenant_table('event_counter', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE platform_event (
  tenant_id uuid NOT NULL REFERENCES tenant (id),
  id        uuid NOT NULL,
  sequence  bigint NOT NULL,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  type      text NOT NULL,
  subject   text NOT NULL,
  data      jsonb NOT NULL,
  -- The one webhook it is meant for; null: it is the tenant's.
  recipient uuid,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT platform_event_sequence UNIQUE (tenant_id, sequence)
);
CREATE INDEX platform_event_subject ON platform_event (tenant_id, subject, sequence);
-- The sweep goes over all tenants.
CREATE INDEX platform_event_age ON platform_event (at);
SELECT protect_tenant_table('platform_event', 'tenant_id', 'SELECT, INSERT, DELETE');
`;

const WEBHOOKS = `
CREATE TABLE webhook (
  tenant_id       uuid NOT NULL REFERENCES tenant (id),
  id              uuid NOT NULL,
  -- Null: a destination, which gets only what is meant for it.
  name            text,
  url             text NOT NULL,
  -- Types that are sent; null: all.
  events          text[],
  disabled        boolean NOT NULL DEFAULT false,
  -- Why the platform sends nothing more until its owner says so.
  ended           text CHECK (ended IN ('gone', 'failing')),
  ended_at        timestamptz,
  -- Sequence up to which everything is dealt with.
  cursor          bigint NOT NULL,
  -- Since the last success.
  failures        integer NOT NULL DEFAULT 0,
  failing_since   timestamptz,
  next_attempt_at timestamptz,
  -- Tries ever made: numbers the records of them.
  deliveries      bigint NOT NULL DEFAULT 0,
  version         integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT webhook_name UNIQUE (tenant_id, name),
  CONSTRAINT webhook_ended CHECK ((ended IS NULL) = (ended_at IS NULL))
);
CREATE INDEX webhook_page ON webhook (tenant_id, created_at, id);
SELECT protect_tenant_table('webhook', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

-- In the statement that adds an event: whoever records one needs no other.
CREATE FUNCTION wake_webhooks() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM enqueue_work('webhook', hook.tenant_id || '/' || hook.id, hook.tenant_id::text, 0) FROM webhook hook
  WHERE NOT hook.disabled AND hook.ended IS NULL AND EXISTS (
    SELECT 1 FROM added WHERE added.tenant_id = hook.tenant_id
      AND CASE WHEN added.recipient IS NULL THEN hook.name IS NOT NULL AND (hook.events IS NULL OR added.type = ANY (hook.events)) ELSE hook.id = added.recipient END)
  ORDER BY hook.id;
  RETURN NULL;
END $$;
CREATE TRIGGER platform_event_told AFTER INSERT ON platform_event REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION wake_webhooks();

-- What signs: the newest, and the one before it until it expires.
CREATE TABLE webhook_secret (
  tenant_id   uuid NOT NULL,
  webhook_id  uuid NOT NULL,
  number      integer NOT NULL,
  key_id      text NOT NULL,
  wrapped_key bytea NOT NULL,
  sealed      bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at  timestamptz,
  PRIMARY KEY (tenant_id, webhook_id, number),
  FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_secret_key ON webhook_secret (key_id, tenant_id, webhook_id, number);
SELECT protect_tenant_table('webhook_secret', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
CREATE TRIGGER webhook_secret_sealed AFTER INSERT ON webhook_secret REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();
CREATE TRIGGER webhook_secret_rewrapped AFTER UPDATE ON webhook_secret REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION demand_active_key();

-- The last tries of each.
CREATE TABLE webhook_delivery (
  tenant_id     uuid NOT NULL,
  webhook_id    uuid NOT NULL,
  number        bigint NOT NULL,
  event_id      uuid NOT NULL,
  event_type    text NOT NULL,
  -- Counts the tries of the same event since the last success.
  attempt       integer NOT NULL,
  at            timestamptz NOT NULL,
  duration_ms   integer NOT NULL,
  delivered     boolean NOT NULL,
  status        integer,
  error_code    text,
  error_message text,
  PRIMARY KEY (tenant_id, webhook_id, number),
  FOREIGN KEY (tenant_id, webhook_id) REFERENCES webhook (tenant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('webhook_delivery', 'tenant_id', 'SELECT, INSERT, DELETE');
`;
