import { Inject, Injectable } from '@nestjs/common';
import type { Config } from '../../../platform/config/config.js';
import { systemContext } from '../../../platform/context/context.js';
import { againAfter, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { CONFIG } from '../../../platform/tokens.js';
import { LogCleaningRepository } from '../store/log-cleaning.repository.js';

const TENANTS = 20;
const BATCH = 5_000;
const LOOK_AGAIN_MS = 30_000;

/** Forgets entries that are older than they are kept, and the oldest of tenants that have too many: one batch of each tenant a run. */
@Injectable()
export class CleanLogsJob implements JobHandler {
  readonly kind = 'clean-logs';
  readonly standing = 'all';
  readonly concurrency = 1;
  private readonly context = systemContext(this.kind);

  constructor(
    private readonly cleaning: LogCleaningRepository,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  async handle(_key: string, signal: AbortSignal): Promise<JobOutcome> {
    const { FNPLANE_LOG_DAYS: days, FNPLANE_LOG_TENANT_BYTES: bytes } = this.config;
    const due = await this.cleaning.findDue(this.context, bytes, TENANTS);
    let more = due.length === TENANTS;
    for (const tenantId of due) {
      if (signal.aborted) return againAfter(0);
      const removed = await this.cleaning.removeOldest(this.context, tenantId, { days, bytes }, BATCH);
      more ||= removed === BATCH;
    }
    if ((await this.cleaning.removeSources(this.context, days, BATCH)) === BATCH) more = true;
    return againAfter(more ? 0 : LOOK_AGAIN_MS);
  }
}
