import { Injectable } from '@nestjs/common';
import { systemContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';

/** Kind and only key of the sweep over all tenants. */
export const CLEAN_EVENTS_JOB = 'clean-events';

/** Asks for the sweep, which goes on by itself. */
@Injectable()
export class EventCleaning {
  constructor(private readonly jobs: JobQueue) {}

  begin(): Promise<void> {
    return this.jobs.enqueue(systemContext(CLEAN_EVENTS_JOB), { kind: CLEAN_EVENTS_JOB, key: 'all' });
  }
}
