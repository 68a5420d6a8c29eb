import { Gauge } from 'prom-client';
import { systemContext } from '../context/context.js';
import type { Database } from '../database/database.js';
import { registry } from '../observability/metrics.js';
import { PeriodicReading } from '../observability/periodic-reading.js';

const labelNames = ['kind'] as const;
const due = new Gauge({ name: 'fnplane_jobs_due', help: 'Jobs that are due and no worker has taken, counted up to 100,000 of a kind; the same in every worker', labelNames, registers: [registry] });
const oldest = new Gauge({ name: 'fnplane_jobs_oldest_due_seconds', help: 'How long the oldest of the jobs that no worker has taken has been due; the same in every worker', labelNames, registers: [registry] });
const failing = new Gauge({ name: 'fnplane_jobs_failing', help: 'Jobs that were tried ten times or more since they last succeeded, counted up to 100,000 of a kind; the same in every worker', labelNames, registers: [registry] });

/** Walks indexes alone: `work_item_due` and `work_item_failing`. */
const READ = `
SELECT kinds.kind, due.count::integer AS due, coalesce(extract(epoch FROM clock_timestamp() - due.oldest), 0)::float8 AS oldest, failing.count::integer AS failing
FROM unnest($1::text[]) AS kinds (kind)
CROSS JOIN LATERAL (
  SELECT count(*), min(visible_at) AS oldest
  FROM (SELECT visible_at FROM work_item WHERE work_item.kind = kinds.kind AND visible_at <= clock_timestamp() ORDER BY visible_at LIMIT 100000) AS counted
) AS due
CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT FROM work_item WHERE work_item.kind = kinds.kind AND attempts >= 10 LIMIT 100000) AS counted) AS failing`;

interface Row {
  kind: string;
  due: number;
  oldest: number;
  failing: number;
}

/** Shows what waits in the queue, by kind. */
export class JobQueueGauges {
  private readonly context = systemContext('job-queue-gauges');
  private readonly reading: PeriodicReading;

  constructor(
    private readonly database: Database,
    private readonly kinds: readonly string[],
    everyMs?: number,
  ) {
    this.reading = new PeriodicReading(() => this.read(), forget, everyMs);
  }

  start(): void {
    this.reading.start();
  }

  stop(): Promise<void> {
    return this.reading.stop();
  }

  private async read(): Promise<void> {
    for (const row of await this.database.statement<Row>(this.context, READ, [this.kinds])) {
      due.set({ kind: row.kind }, row.due);
      oldest.set({ kind: row.kind }, row.oldest);
      failing.set({ kind: row.kind }, row.failing);
    }
  }
}

function forget(): void {
  for (const gauge of [due, oldest, failing]) gauge.reset();
}
