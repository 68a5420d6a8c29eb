import { Injectable } from '@nestjs/common';
import { systemContext, tenantJobContext, type TenantContext } from '../../../platform/context/context.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { addLogContext } from '../../../platform/observability/logger.js';
import { EventsService } from '../../events/events.service.js';
import type { PlatformEvent } from '../../events/platform-event.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { deliveryOutcome, type DeliveryOutcome } from '../delivery-outcome.policy.js';
import { WebhookRunsRepository, type WebhookRun } from '../store/webhook-runs.repository.js';
import { deliveriesTotal, deliverySeconds } from '../webhook-metrics.js';
import { WebhookSecrets } from '../webhook-secrets.js';
import { WebhookSender } from '../webhook-sender.js';
import { WEBHOOK_JOB } from '../webhook-states.js';

const CONCURRENCY = 16;
/** At once in this process: the other half is the others'. */
const MOST_OF_ONE_TENANT = CONCURRENCY / 2;
const NO_ROOM_MS = 1_000;
/** Events of one run, and how long it goes on: then it is the others' turn. */
const BATCH = 20;
const LONGEST_RUN_MS = 20_000;

/**
 * Sends one webhook what it is to get, one after the other in the order of the events: what fails holds back the rest. An event is done with only once that is written,
 * so that it is sent again when a worker dies on the way: at least once, by its id.
 */
@Injectable()
export class DeliverWebhookJob implements JobHandler {
  readonly kind = WEBHOOK_JOB;
  readonly concurrency = CONCURRENCY;
  private readonly system = systemContext(WEBHOOK_JOB);
  private readonly running = new Map<string, number>();

  constructor(
    private readonly tenants: TenantDirectory,
    private readonly runs: WebhookRunsRepository,
    private readonly events: EventsService,
    private readonly secrets: WebhookSecrets,
    private readonly sender: WebhookSender,
  ) {}

  /** @param key `<tenant id>/<webhook id>` */
  async handle(key: string, signal: AbortSignal): Promise<JobOutcome> {
    const [tenantId = '', id = ''] = key.split('/');
    const running = this.running.get(tenantId) ?? 0;
    if (running >= MOST_OF_ONE_TENANT) return againAfter(NO_ROOM_MS);
    this.running.set(tenantId, running + 1);
    try {
      const tenant = await this.tenants.findAny(this.system, tenantId);
      // One that is being deleted is told so as long as its webhooks are there.
      if (!tenant || tenant.state === 'deleted') return DONE;
      return await this.run(tenantJobContext(WEBHOOK_JOB, tenant), id, signal);
    } finally {
      this.leave(tenantId);
    }
  }

  private leave(tenantId: string): void {
    const left = (this.running.get(tenantId) ?? 1) - 1;
    if (left > 0) this.running.set(tenantId, left);
    else this.running.delete(tenantId);
  }

  private async run(context: TenantContext, id: string, signal: AbortSignal): Promise<JobOutcome> {
    const seen = await this.runs.find(context, id);
    if (!seen) return DONE;
    // Asked for by a new event while an older one waits to be tried again.
    if (seen.dueInMs > 0) return againAfter(seen.dueInMs);
    addLogContext({ tenant: context.tenantName });
    const { events, upTo } = await this.events.after(context, { recipient: id, types: seen.types }, seen.cursor, BATCH);
    const end = await this.sendAll(context, seen, events, signal);
    if (end) return end;
    if (events.length === BATCH) return againAfter(0);
    const last = events.at(-1)?.sequence ?? seen.cursor;
    if (upTo > last) await this.runs.advance(context, after(seen, events.length, last), upTo);
    return DONE;
  }

  /** @returns how the run ends, where it does before all were sent. */
  private async sendAll(context: TenantContext, run: WebhookRun, events: readonly PlatformEvent[], signal: AbortSignal): Promise<JobOutcome | undefined> {
    if (events.length === 0) return undefined;
    const secrets = await this.secrets.open(context, run.id);
    const until = performance.now() + LONGEST_RUN_MS;
    let seen = run;
    for (const event of events) {
      if (signal.aborted || performance.now() > until) return againAfter(0);
      const { outcome, recorded } = await this.sendOne(context, seen, event, secrets);
      if (outcome.next === 'ended') return DONE;
      // Overtaken, turned back or changed by its owner: looked at anew.
      if (!recorded || recorded.version !== run.version) return againAfter(outcome.next === 'again' && recorded ? outcome.delayMs : 0);
      if (outcome.next === 'again') return againAfter(outcome.delayMs);
      seen = after(seen, 1, event.sequence);
    }
    return undefined;
  }

  private async sendOne(context: TenantContext, seen: WebhookRun, event: PlatformEvent, secrets: readonly string[]): Promise<{ outcome: DeliveryOutcome; recorded: { version: number } | null }> {
    const { at, durationMs, answer } = await this.sender.send(seen.url, event, context.tenantName, secrets);
    const outcome = deliveryOutcome(answer, seen, Math.random);
    const recorded = await this.runs.record(context, seen, { event, at, durationMs, status: 'status' in answer ? answer.status : undefined, outcome });
    deliverySeconds.observe(durationMs / 1_000);
    deliveriesTotal.inc({ outcome: outcome.next });
    return { outcome, recorded };
  }
}

/** As it is after so many successes. */
function after(seen: WebhookRun, count: number, cursor: number): WebhookRun {
  return { ...seen, cursor, deliveries: seen.deliveries + count, failures: 0, failingMs: 0 };
}
