import { Injectable } from '@nestjs/common';
import { systemContext, tenantJobContext } from '../../../platform/context/context.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { PLACEMENT_JOB } from '../placement-job.js';
import { PlacementMover } from '../placement-mover.js';

/** Keeps a tenant on the clusters it is to be on. */
@Injectable()
export class MoveTenantJob implements JobHandler {
  readonly kind = PLACEMENT_JOB;
  readonly concurrency = 8;
  private readonly system = systemContext(PLACEMENT_JOB);

  constructor(
    private readonly tenants: TenantDirectory,
    private readonly mover: PlacementMover,
  ) {}

  /** @param id of the tenant */
  async handle(id: string): Promise<JobOutcome> {
    const tenant = await this.tenants.findAny(this.system, id);
    // The tenant's own job takes away what a tenant has that goes.
    if (tenant?.state !== 'active') return DONE;
    const again = await this.mover.step(tenantJobContext('placement-job', tenant));
    return again === null ? DONE : againAfter(again);
  }
}
