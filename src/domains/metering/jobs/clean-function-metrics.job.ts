import { Injectable } from '@nestjs/common';
import { systemContext } from '../../../platform/context/context.js';
import { againAfter, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { HOURS_KEPT_DAYS, MINUTES_KEPT_DAYS } from '../metric-range.policy.js';
import { MetricWritingRepository } from '../store/metric-writing.repository.js';

const BATCH = 5_000;
const LOOK_AGAIN_MS = 600_000;

/** Forgets figures that are too old: one batch a run, of all tenants. A day longer than they are shown, so that the oldest step is whole. */
@Injectable()
export class CleanFunctionMetricsJob implements JobHandler {
  readonly kind = 'clean-function-metrics';
  readonly standing = 'all';
  readonly concurrency = 1;
  private readonly context = systemContext(this.kind);

  constructor(private readonly writing: MetricWritingRepository) {}

  async handle(): Promise<JobOutcome> {
    const removed = await this.writing.removeOld(this.context, { minutes: MINUTES_KEPT_DAYS + 1, hours: HOURS_KEPT_DAYS + 1 }, BATCH);
    return againAfter(removed < BATCH ? LOOK_AGAIN_MS : 0);
  }
}
