import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Topics whose records functions are called with. */
export class CreateKafkaTriggers1795824000200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(KAFKA_TRIGGERS);
  }

  async down(): Promise<void> {
    throw new Error('migrations go forward only');
  }
}

const KAFKA_TRIGGERS = `
CREATE TABLE kafka_trigger (
  tenant_id           uuid NOT NULL REFERENCES tenant (id),
  id                  uuid NOT NULL,
  name                text NOT NULL,
  function_id         uuid NOT NULL,
  -- As the client sent it, but for name and function.
  settings            jsonb NOT NULL,
  -- What the consumer is known as to brokers, also where the client sent none.
  consumer_group      text NOT NULL,
  -- Name of the secret with the credentials.
  secret              text,
  version             integer NOT NULL DEFAULT 1,
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now(),
  -- Grows with each change that a running consumer has to start anew for, new values of the secret included.
  epoch               integer NOT NULL DEFAULT 1,
  -- Of the consumer that holds it: whoever comes later fences off whoever was there before.
  run                 uuid,
  -- Consumers in a row that ended by an error.
  failures            integer NOT NULL DEFAULT 0,
  ready_status        text NOT NULL CHECK (ready_status IN ('True', 'False', 'Unknown')),
  ready_reason        text NOT NULL,
  ready_message       text NOT NULL,
  ready_since         timestamptz NOT NULL DEFAULT clock_timestamp(),
  assigned_partitions integer NOT NULL DEFAULT 0,
  lag                 bigint,
  last_delivery_at    timestamptz,
  delivered           bigint NOT NULL DEFAULT 0,
  failed              bigint NOT NULL DEFAULT 0,
  dead_lettered       bigint NOT NULL DEFAULT 0,
  skipped             bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, function_id) REFERENCES function (tenant_id, id) ON DELETE CASCADE,
  CONSTRAINT kafka_trigger_name UNIQUE (tenant_id, name),
  -- One consumer reads for a group: two would commit over each other.
  CONSTRAINT kafka_trigger_group UNIQUE (tenant_id, consumer_group)
);
CREATE INDEX kafka_trigger_page ON kafka_trigger (tenant_id, created_at, id);
CREATE INDEX kafka_trigger_function ON kafka_trigger (tenant_id, function_id);
CREATE INDEX kafka_trigger_secret ON kafka_trigger (tenant_id, secret) WHERE secret IS NOT NULL;
SELECT protect_tenant_table('kafka_trigger', 'tenant_id', 'SELECT, INSERT, UPDATE, DELETE');
`;
