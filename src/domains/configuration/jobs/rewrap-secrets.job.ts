import { Injectable } from '@nestjs/common';
import { DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { REWRAP_JOB, SecretRewrap } from '../secret-rewrap.js';

/** Gives one part of the sealed rows the key that seals now. */
@Injectable()
export class RewrapSecretsJob implements JobHandler {
  readonly kind = REWRAP_JOB;
  readonly concurrency = 2;

  constructor(private readonly rewrap: SecretRewrap) {}

  /** @param part one of `REWRAP_PARTS` */
  async handle(part: string, signal: AbortSignal): Promise<JobOutcome> {
    await this.rewrap.runPart(part, signal);
    return DONE;
  }
}
