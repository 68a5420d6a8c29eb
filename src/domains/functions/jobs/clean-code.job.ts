import { Injectable } from '@nestjs/common';
import { systemContext, tenantJobContext } from '../../../platform/context/context.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { CODE_JOB, CodeService } from '../code.service.js';

const LOOK_AGAIN_MS = 3_600_000;

/** Deletes a tenant's archives that nothing uses, as long as it has any. */
@Injectable()
export class CleanCodeJob implements JobHandler {
  readonly kind = CODE_JOB;
  readonly concurrency = 1;

  constructor(
    private readonly tenants: TenantDirectory,
    private readonly code: CodeService,
  ) {}

  async handle(tenantId: string): Promise<JobOutcome> {
    const tenant = await this.tenants.findAny(systemContext('clean-code'), tenantId);
    if (!tenant || tenant.state !== 'active') return DONE;
    const context = tenantJobContext('clean-code', tenant);
    if (await this.code.removeUnused(context)) return againAfter(0);
    return (await this.code.hasAny(context)) ? againAfter(LOOK_AGAIN_MS) : DONE;
  }
}
