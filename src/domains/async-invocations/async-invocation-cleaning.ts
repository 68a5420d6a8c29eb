import { Injectable } from '@nestjs/common';
import { systemContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';

/** Kind and only key of the sweep over all tenants. */
export const CLEAN_ASYNC_JOB = 'clean-async-invocations';

/** Asks for the sweep, which goes on by itself. */
@Injectable()
export class AsyncInvocationCleaning {
  constructor(private readonly jobs: JobQueue) {}

  begin(): Promise<void> {
    return this.jobs.enqueue(systemContext(CLEAN_ASYNC_JOB), { kind: CLEAN_ASYNC_JOB, key: 'all' });
  }
}
