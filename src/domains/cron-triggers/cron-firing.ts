import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { systemContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { partLogger } from '../../platform/observability/logger.js';
import { DueInvocations } from '../async-invocations/due-invocations.js';
import { effectiveSettings, requestBody } from './cron-trigger-rules.policy.js';
import { firedTotal, skippedTotal } from './cron-metrics.js';
import { jitterMs, planDue, type DuePlan, type DueTrigger, type SkipReason } from './due-runs.policy.js';
import { DueTriggersRepository, type DueRow, type FiredRow } from './store/due-triggers.repository.js';

const log = partLogger('cron');

/** Triggers of one transaction. */
export const MOST_FIRED = 200;
/** Longest that due times are computed in one transaction: the triggers that are left come with the next. */
const MOST_PLANNING_MS = 2_000;
/** Invocations of one transaction, where many are caught up. */
const MOST_RUNS = 1_000;
/** Levels of suspension at which functions take no requests. */
const STOPPED = new Set(['ingress', 'compute']);

interface Fired {
  row: DueRow;
  plan: DuePlan;
  runs: { id: string; dueAt: number }[];
}

/** Turns due times into asynchronous invocations. Any number of workers may do so at once: rows are locked, and a due time is accepted once. */
@Injectable()
export class CronFiring {
  private readonly context = systemContext('cron-triggers');

  constructor(
    private readonly database: Database,
    private readonly due: DueTriggersRepository,
    private readonly invocations: DueInvocations,
  ) {}

  /** Fires some of what is due, in one transaction. @returns how many triggers: 0 where nothing is due. */
  fire(): Promise<number> {
    return this.database.transaction(this.context, async () => {
      const rows = await this.due.findDueLocked(this.context, MOST_FIRED);
      if (rows.length === 0) return 0;
      const fired = await this.plan(rows);
      await this.replace(fired);
      await this.admit(fired);
      const accepted = await this.invocations.accept(this.context, fired.flatMap(toInvocations));
      await this.due.record(this.context, fired.map((one) => toRecord(one, accepted)));
      this.database.afterCommit(() => count(fired, accepted));
      return fired.length;
    });
  }

  /** Ms until something is due. */
  wait(): Promise<number | undefined> {
    return this.due.findWait(this.context);
  }

  private async plan(rows: readonly DueRow[]): Promise<Fired[]> {
    const forbidding = rows.filter(({ settings }) => settings.concurrencyPolicy === 'forbid').map(({ id }) => id);
    const open = await this.invocations.openOf(this.context, forbidding);
    const fired: Fired[] = [];
    const end = performance.now() + MOST_PLANNING_MS;
    let runs = 0;
    for (const row of rows) {
      const plan = planned(row, open.has(row.id));
      runs += plan.runs.length;
      fired.push({ row, plan, runs: plan.runs.map((dueAt) => ({ id: randomUUID(), dueAt })) });
      if (performance.now() > end || runs >= MOST_RUNS) break;
      // Long downtimes leave much to count: other work goes on meanwhile.
      if (plan.skipped + plan.runs.length > 10) await turn();
    }
    return fired;
  }

  private async replace(fired: readonly Fired[]): Promise<void> {
    const replacing = fired.filter(({ row, runs }) => row.settings.concurrencyPolicy === 'replace' && runs.length > 0);
    const taken = await this.invocations.takeBack(this.context, replacing.map(({ row }) => row.id));
    for (const { row, plan } of replacing) for (const dueAt of taken.get(row.id) ?? []) skip(plan, dueAt.getTime(), 'replaced');
  }

  /** Where a tenant's queue is full, nothing more is put into it. */
  private async admit(fired: readonly Fired[]): Promise<void> {
    const running = fired.filter(({ runs }) => runs.length > 0);
    if (running.length === 0) return;
    const hasRoom = await this.invocations.room(this.context, running.map(({ row }) => row.tenantId));
    for (const one of running) {
      one.runs = one.runs.filter(({ dueAt }) => {
        const admitted = hasRoom(one.row.tenantId);
        if (!admitted) skip(one.plan, dueAt, 'queue-full');
        return admitted;
      });
    }
  }
}

/** One that cannot be understood any more (a time zone that is gone) keeps no other from running: it says why it does not. */
function planned(row: DueRow, isOpen: boolean): DuePlan {
  const trigger: DueTrigger = { settings: row.settings, dueAt: row.dueAt.getTime(), now: row.now.getTime(), blocked: blockOf(row), isOpen };
  try {
    return planDue(trigger);
  } catch (error) {
    log.error({ err: error, trigger: row.id }, 'a schedule cannot be understood; its trigger is not run any more');
    return { runs: [], skipped: 1, lastSkip: { at: trigger.dueAt, reason: 'schedule-unusable' }, next: undefined };
  }
}

function blockOf({ tenantState, tenantSuspension, functionState }: DueRow): DueTrigger['blocked'] {
  if (tenantState !== 'active' || STOPPED.has(tenantSuspension)) return 'tenant-suspended';
  return functionState === 'active' ? undefined : 'function-deleting';
}

function skip(plan: DuePlan, at: number, reason: SkipReason): void {
  plan.skipped += 1;
  if (plan.lastSkip === undefined || at >= plan.lastSkip.at) plan.lastSkip = { at, reason };
}

function toInvocations({ row, runs }: Fired): Parameters<DueInvocations['accept']>[1] {
  if (runs.length === 0) return [];
  const { tenantId, functionId, id, name, settings } = row;
  const { path, maxAttempts, maxAgeSeconds, jitterSeconds } = effectiveSettings(settings);
  const body = requestBody(settings);
  return runs.map((run) => ({
    id: run.id, tenantId, functionId, trigger: { id, name }, dueAt: new Date(run.dueAt), delayMs: jitterMs(id, run.dueAt, jitterSeconds), path, headers: settings.headers ?? {}, body, maxAttempts, maxAgeSeconds,
  }));
}

function toRecord({ row, plan, runs }: Fired, accepted: ReadonlySet<string>): FiredRow {
  const last = runs.at(-1);
  const { lastSkip } = plan;
  return {
    tenantId: row.tenantId, id: row.id, nextRunAt: plan.next === undefined ? null : new Date(plan.next), lastRunAt: last ? new Date(last.dueAt) : null, lastInvocationId: last && accepted.has(last.id) ? last.id : null,
    skipped: plan.skipped, lastSkippedAt: lastSkip ? new Date(lastSkip.at) : null, lastSkipReason: lastSkip?.reason ?? null,
  };
}

function count(fired: readonly Fired[], accepted: ReadonlySet<string>): void {
  firedTotal.inc(accepted.size);
  for (const { plan } of fired) if (plan.lastSkip) skippedTotal.inc({ reason: plan.lastSkip.reason }, plan.skipped);
}
