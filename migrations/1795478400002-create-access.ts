import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Members, API keys, clusters, placements, configuration, secrets, quota reservations. */
export class CreateAccess1795478400002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ACCESS);
    await runner.query(CLUSTERS);
    await runner.query(CONFIGURATION);
    await runner.query(QUOTAS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const ACCESS = `
CREATE TABLE member (
  tenant_id  uuid NOT NULL REFERENCES tenant (id),
  id         uuid NOT NULL,
  issuer     text NOT NULL,
  subject    text NOT NULL,
  role       text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer', 'billing')),
  version    integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, issuer, subject)
);
CREATE INDEX member_page ON member (tenant_id, created_at, id);
CREATE INDEX member_subject ON member (issuer, subject);
SELECT protect_tenant_table('member', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE api_key (
  tenant_id    uuid NOT NULL REFERENCES tenant (id),
  id           uuid NOT NULL,
  prefix       text NOT NULL UNIQUE,
  hash         text NOT NULL,
  name         text NOT NULL,
  role         text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer', 'billing')),
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
-- A name is free again once its key is revoked; the row stays, so that the audit log's principals can be told.
CREATE UNIQUE INDEX api_key_name ON api_key (tenant_id, name) WHERE revoked_at IS NULL;
CREATE INDEX api_key_page ON api_key (tenant_id, created_at, id);
SELECT protect_tenant_table('api_key', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;

const CLUSTERS = `
CREATE TABLE cluster (
  id           uuid PRIMARY KEY,
  name         text NOT NULL UNIQUE,
  region       text NOT NULL,
  labels       jsonb NOT NULL DEFAULT '{}',
  -- 'process': reached with the worker's own kubeconfig.
  connection   text NOT NULL DEFAULT 'process' CHECK (connection IN ('process')),
  state        text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'cordoned')),
  kubernetes   text,
  heartbeat_at timestamptz,
  message      text,
  created_at   timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON cluster TO fnplane_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON cluster TO fnplane_system;

CREATE TABLE placement (
  tenant_id           uuid NOT NULL REFERENCES tenant (id),
  cluster_id          uuid NOT NULL REFERENCES cluster (id),
  namespace           text NOT NULL,
  -- Proof of ownership: nothing is deleted whose uid is another.
  namespace_uid       text,
  state               text NOT NULL CHECK (state IN ('active', 'deleting')),
  generation          integer NOT NULL DEFAULT 1,
  observed_generation integer NOT NULL DEFAULT 0,
  -- Of each object, by kind and name: the hash it was made from and that of what the API server then held.
  applied             jsonb NOT NULL DEFAULT '{}',
  -- When all objects were last applied, whether changed or not.
  verified_at         timestamptz,
  conditions          jsonb NOT NULL DEFAULT '[]',
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, cluster_id),
  UNIQUE (cluster_id, namespace)
);
SELECT protect_tenant_table('placement', 'tenant_id', 'SELECT, INSERT, UPDATE');
`;

const CONFIGURATION = `
CREATE TABLE config_set (
  tenant_id  uuid NOT NULL REFERENCES tenant (id),
  id         uuid NOT NULL,
  name       text NOT NULL,
  data       jsonb NOT NULL,
  version    integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
CREATE INDEX config_set_page ON config_set (tenant_id, created_at, id);
SELECT protect_tenant_table('config_set', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE secret (
  tenant_id       uuid NOT NULL REFERENCES tenant (id),
  id              uuid NOT NULL,
  name            text NOT NULL,
  -- Names of the values in the current version: all that may be read without opening it.
  keys            text[] NOT NULL,
  current_version integer NOT NULL,
  version         integer NOT NULL DEFAULT 1,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
CREATE INDEX secret_page ON secret (tenant_id, created_at, id);
SELECT protect_tenant_table('secret', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE secret_version (
  tenant_id   uuid NOT NULL,
  secret_id   uuid NOT NULL,
  number      integer NOT NULL,
  -- AES-256-GCM under a data key of its own, which is wrapped by the key \`key_id\`; AAD binds tenant, secret and number.
  key_id      text NOT NULL,
  wrapped_key bytea NOT NULL,
  sealed      bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, secret_id, number),
  FOREIGN KEY (tenant_id, secret_id) REFERENCES secret (tenant_id, id) ON DELETE CASCADE
);
SELECT protect_tenant_table('secret_version', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;

const QUOTAS = `
-- Limits set for one tenant over its plan's; absent keys follow the plan.
CREATE TABLE tenant_quota (
  tenant_id  uuid PRIMARY KEY REFERENCES tenant (id),
  overrides  jsonb NOT NULL DEFAULT '{}',
  -- Sums of the reservations below, kept in the same transactions: admission locks this one row.
  reserved   jsonb NOT NULL DEFAULT '{}',
  version    integer NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now()
);
SELECT protect_tenant_table('tenant_quota', 'tenant_id', 'SELECT, INSERT, UPDATE');

CREATE TABLE quota_reservation (
  tenant_id  uuid NOT NULL REFERENCES tenant (id),
  holder     text NOT NULL,
  amounts    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, holder)
);
SELECT protect_tenant_table('quota_reservation', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;
