import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { ReadyState } from '../consumer-state.policy.js';
import type { KafkaTriggerSettings } from '../kafka-trigger-body.js';

/** What a consumer needs. */
export interface BegunConsumer {
  name: string;
  function: string;
  settings: KafkaTriggerSettings;
  consumerGroup: string;
  epoch: number;
  failures: number;
}

/** What there is to add since the last report, and how things stand. */
export interface ConsumerReport {
  run: string;
  epoch: number;
  state: ReadyState | undefined;
  failures: number;
  assignedPartitions: number;
  lag: bigint | undefined;
  delivered: number;
  failed: number;
  deadLettered: number;
  skipped: number;
  deliveredSince: boolean;
}

/** The workers' side of Kafka triggers. */
@Injectable()
export class KafkaRunsRepository {
  constructor(private readonly database: Database) {}

  /** Takes the trigger over under a new `run`; null where it is gone. */
  async begin(context: TenantContext, id: string, run: string): Promise<BegunConsumer | null> {
    const [row] = await this.database.statement<BegunConsumer>(context,
      `UPDATE kafka_trigger row SET run = $3 FROM function fn
       WHERE row.tenant_id = $1 AND row.id = $2 AND fn.tenant_id = row.tenant_id AND fn.id = row.function_id
       RETURNING row.name, fn.name AS function, row.settings, row.consumer_group AS "consumerGroup", row.epoch, row.failures`, [context.tenantId, id, run]);
    return row ?? null;
  }

  /** Counts count in any case, the state only of the epoch it is of. @returns the present epoch; undefined where another run has it, or it is gone. */
  async report(context: TenantContext, id: string, report: ConsumerReport): Promise<number | undefined> {
    const { state } = report;
    const [row] = await this.database.statement<{ epoch: number }>(context,
      `UPDATE kafka_trigger SET
         ready_since = CASE WHEN epoch = $4 AND $5::text IS NOT NULL AND ready_status <> $5 THEN clock_timestamp() ELSE ready_since END,
         ready_status = CASE WHEN epoch = $4 THEN coalesce($5, ready_status) ELSE ready_status END,
         ready_reason = CASE WHEN epoch = $4 THEN coalesce($6, ready_reason) ELSE ready_reason END,
         ready_message = CASE WHEN epoch = $4 THEN coalesce($7, ready_message) ELSE ready_message END,
         failures = CASE WHEN epoch = $4 THEN $8 ELSE failures END, assigned_partitions = $9, lag = coalesce($10, lag),
         delivered = delivered + $11, failed = failed + $12, dead_lettered = dead_lettered + $13, skipped = skipped + $14,
         last_delivery_at = CASE WHEN $15 THEN clock_timestamp() ELSE last_delivery_at END
       WHERE tenant_id = $1 AND id = $2 AND run = $3 RETURNING epoch`,
      [
        context.tenantId, id, report.run, report.epoch, state?.status ?? null, state?.reason ?? null, state?.message.slice(0, 1_000) ?? null, report.failures, report.assignedPartitions, report.lag?.toString() ?? null,
        report.delivered, report.failed, report.deadLettered, report.skipped, report.deliveredSince,
      ]);
    return row?.epoch;
  }
}
