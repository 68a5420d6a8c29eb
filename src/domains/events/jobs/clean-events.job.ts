import { Injectable } from '@nestjs/common';
import { systemContext } from '../../../platform/context/context.js';
import { againAfter, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { EVENTS_KEPT_DAYS } from '../event-types.js';
import { EventsRepository } from '../store/events.repository.js';

const BATCH = 1_000;
const LOOK_AGAIN_MS = 600_000;

/** Forgets old events: one batch a run, of all tenants. */
@Injectable()
export class CleanEventsJob implements JobHandler {
  readonly kind = 'clean-events';
  readonly standing = 'all';
  readonly concurrency = 1;
  private readonly context = systemContext(this.kind);

  constructor(private readonly events: EventsRepository) {}

  async handle(): Promise<JobOutcome> {
    const removed = await this.events.removeOlder(this.context, EVENTS_KEPT_DAYS, BATCH);
    return againAfter(removed < BATCH ? LOOK_AGAIN_MS : 0);
  }
}
