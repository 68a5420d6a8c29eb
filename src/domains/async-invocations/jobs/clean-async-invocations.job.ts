import { Injectable } from '@nestjs/common';
import { systemContext } from '../../../platform/context/context.js';
import { againAfter, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { AsyncRunsRepository } from '../store/async-runs.repository.js';

const KEPT_DAYS = 7;
const BATCH = 1_000;
const LOOK_AGAIN_MS = 600_000;

/** Forgets invocations that ended long ago: one batch a run, of all tenants. */
@Injectable()
export class CleanAsyncInvocationsJob implements JobHandler {
  readonly kind = 'clean-async-invocations';
  readonly standing = 'all';
  readonly concurrency = 1;
  private readonly context = systemContext(this.kind);

  constructor(private readonly runs: AsyncRunsRepository) {}

  async handle(): Promise<JobOutcome> {
    const removed = await this.runs.removeFinished(this.context, KEPT_DAYS, BATCH);
    return againAfter(removed < BATCH ? LOOK_AGAIN_MS : 0);
  }
}
