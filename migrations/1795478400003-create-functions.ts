import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Code archives, functions, revisions, usage ledger, prices and the default plans. */
export class CreateFunctions1795478400003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(FUNCTIONS);
    await runner.query(USAGE);
    await runner.query(PLANS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const FUNCTIONS = `
CREATE TABLE code_archive (
  tenant_id  uuid NOT NULL REFERENCES tenant (id),
  -- SHA-256 of the archive as uploaded, hex.
  digest     text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
  format     text NOT NULL CHECK (format IN ('tar.gz', 'zip')),
  size_bytes integer NOT NULL,
  content    bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- When it was last uploaded: archives that no revision names are deleted a day after it.
  used_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, digest)
);
CREATE INDEX code_archive_age ON code_archive (used_at);
ALTER TABLE code_archive ALTER COLUMN content SET STORAGE EXTERNAL;
SELECT protect_tenant_table('code_archive', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE function (
  tenant_id           uuid NOT NULL REFERENCES tenant (id),
  id                  uuid NOT NULL,
  name                text NOT NULL,
  labels              jsonb NOT NULL DEFAULT '{}',
  state               text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deleting')),
  -- What runs: the newest revision asked for; what really serves stands in the status columns.
  target_revision     integer NOT NULL,
  last_revision       integer NOT NULL,
  -- labels, scaling and authentication as the client sent them; the columns hold what is in force.
  settings            jsonb NOT NULL DEFAULT '{}',
  scaling             jsonb NOT NULL,
  authentication      text NOT NULL CHECK (authentication IN ('required', 'none')),
  generation          integer NOT NULL DEFAULT 1,
  observed_generation integer NOT NULL DEFAULT 0,
  serving_revision    integer,
  replicas            integer NOT NULL DEFAULT 0,
  ready_replicas      integer NOT NULL DEFAULT 0,
  -- The tenant's suspension that was last put on the cluster.
  suspension          text NOT NULL DEFAULT 'none' CHECK (suspension IN ('none', 'ingress', 'compute')),
  -- Random, told to nobody: keys the names of its Secrets, so that a name gives no value away.
  name_key            text NOT NULL,
  conditions          jsonb NOT NULL DEFAULT '[]',
  version             integer NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
-- The meter knows pods by their function's id alone.
CREATE UNIQUE INDEX function_id_key ON function (id);
CREATE INDEX function_page ON function (tenant_id, created_at, id);
SELECT protect_tenant_table('function', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE revision (
  tenant_id   uuid NOT NULL,
  function_id uuid NOT NULL,
  number      integer NOT NULL,
  -- All the client asked for, as it was asked; never changed.
  spec        jsonb NOT NULL,
  -- What is in force, defaults filled in as they were then: later defaults do not change it.
  effective   jsonb NOT NULL,
  build_state text NOT NULL CHECK (build_state IN ('pending', 'built', 'failed')),
  build_error text,
  image       text,
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, function_id, number),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('revision', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

-- Which functions use which configuration and secrets, so that a new version finds them in O(users).
CREATE TABLE revision_reference (
  tenant_id   uuid NOT NULL,
  function_id uuid NOT NULL,
  number      integer NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('config', 'secret', 'code')),
  name        text NOT NULL,
  PRIMARY KEY (tenant_id, kind, name, function_id, number),
  FOREIGN KEY (tenant_id, function_id, number) REFERENCES revision (tenant_id, function_id, number) ON DELETE CASCADE
);
CREATE INDEX revision_reference_revision ON revision_reference (tenant_id, function_id, number);
SELECT protect_tenant_table('revision_reference', 'tenant_id', 'SELECT, INSERT, DELETE');
`;

const USAGE = `
-- Last totals read of each process life (a pod's container or a gateway's count for a function): the next reading adds the difference.
CREATE TABLE meter_cursor (
  instance       text NOT NULL,
  tenant_id      uuid NOT NULL REFERENCES tenant (id),
  function_id    uuid NOT NULL,
  revision       integer NOT NULL,
  invocations    bigint NOT NULL DEFAULT 0,
  billed_ms      bigint NOT NULL DEFAULT 0,
  request_bytes  bigint NOT NULL DEFAULT 0,
  response_bytes bigint NOT NULL DEFAULT 0,
  read_at        timestamptz NOT NULL,
  PRIMARY KEY (instance, function_id, revision)
);
CREATE INDEX meter_cursor_age ON meter_cursor (read_at);
SELECT protect_tenant_table('meter_cursor', 'tenant_id', 'SELECT');

CREATE TABLE usage_record (
  id             uuid NOT NULL PRIMARY KEY,
  tenant_id      uuid NOT NULL REFERENCES tenant (id),
  -- No foreign key: the ledger outlives its functions.
  function_id    uuid NOT NULL,
  function_name  text NOT NULL,
  revision       integer NOT NULL,
  cluster        text NOT NULL,
  -- \`instance:function:revision:totals before\`: the same step of a counter is never booked twice, whoever reads it.
  dedupe_key     text NOT NULL UNIQUE,
  invocations    bigint NOT NULL CHECK (invocations >= 0),
  billed_ms      bigint NOT NULL CHECK (billed_ms >= 0),
  -- billed_ms x configured MB: an integer; GB-seconds = this / 1024 / 1000.
  mb_ms          numeric(38, 0) NOT NULL CHECK (mb_ms >= 0),
  -- billed_ms x configured millicores.
  cpu_milli_ms   numeric(38, 0) NOT NULL CHECK (cpu_milli_ms >= 0),
  request_bytes  bigint NOT NULL CHECK (request_bytes >= 0),
  response_bytes bigint NOT NULL CHECK (response_bytes >= 0),
  occurred_at    timestamptz NOT NULL,
  recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX usage_by_time ON usage_record (tenant_id, occurred_at, id);
SELECT protect_tenant_table('usage_record', 'tenant_id', 'SELECT');
REVOKE UPDATE, DELETE ON usage_record FROM fnplane_system;
`;

const PLANS = `
CREATE TABLE price (
  plan           text NOT NULL REFERENCES plan (name),
  meter          text NOT NULL CHECK (meter IN ('invocations', 'gb_seconds', 'cpu_seconds', 'response_gb')),
  -- Price of \`per\` units, in the plan's currency.
  amount         numeric(38, 18) NOT NULL CHECK (amount >= 0),
  per            numeric(38, 0) NOT NULL CHECK (per > 0),
  free_allowance numeric(38, 0) NOT NULL DEFAULT 0 CHECK (free_allowance >= 0),
  PRIMARY KEY (plan, meter)
);
GRANT SELECT ON price TO fnplane_tenant, fnplane_system;

INSERT INTO plan (name, description, limits, currency) VALUES
  ('standard', 'Default plan: pay for what runs.',
   '{"functions": 50, "revisionsKept": 10, "cpuMillis": 8000, "memoryMb": 8192, "ephemeralStorageMb": 16384, "pods": 50, "secrets": 100, "configSets": 100, "codeMb": 1024, "invocationsPerSecond": 1000, "functionMemoryMb": 2048, "functionCpuMillis": 2000, "timeoutSeconds": 900}', 'EUR'),
  ('small', 'For a first try: little of everything, same prices.',
   '{"functions": 5, "revisionsKept": 5, "cpuMillis": 2000, "memoryMb": 2048, "ephemeralStorageMb": 4096, "pods": 10, "secrets": 10, "configSets": 10, "codeMb": 128, "invocationsPerSecond": 50, "functionMemoryMb": 512, "functionCpuMillis": 500, "timeoutSeconds": 60}', 'EUR');
INSERT INTO price (plan, meter, amount, per, free_allowance)
SELECT plan.name, entry.meter, entry.amount, entry.per, entry.free_allowance FROM plan, (VALUES
  ('invocations', 0.20, 1000000, 100000),
  ('gb_seconds', 0.0000166667, 1, 10000),
  ('cpu_seconds', 0.000024, 1, 0),
  ('response_gb', 0.09, 1, 1)
) AS entry (meter, amount, per, free_allowance);
`;
