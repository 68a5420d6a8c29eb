import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { againAfter, DONE, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { ClustersService } from '../../clusters/clusters.service.js';
import { STANDING } from '../../clusters/placement-states.js';
import { PlacementsService } from '../../clusters/placements.service.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { FunctionImages, repositoryOf } from '../function-images.js';
import { FunctionProgress } from '../function-progress.js';
import type { FunctionEntity } from '../store/function.entity.js';
import { RevisionsRepository } from '../store/revisions.repository.js';
import { removeTraces } from './function-traces.js';
import { troubleOf } from './function-trouble.policy.js';

const log = partLogger('functions');

const FIRST_LOOK_MS = 300;
const LAST_LOOK_MS = 5_000;

/** Takes a function off the clusters and waits, run by run, until nothing of it is left. */
@Injectable()
export class FunctionRemover {
  constructor(
    private readonly placements: PlacementsService,
    private readonly clusters: ClustersService,
    private readonly images: FunctionImages,
    private readonly revisions: RevisionsRepository,
    private readonly progress: FunctionProgress,
    private readonly tenants: TenantsService,
  ) {}

  async remove(context: TenantContext, fn: FunctionEntity): Promise<JobOutcome> {
    let left = 0;
    // Where the tenant's whole namespace is being taken away, the function goes with it.
    for (const placement of (await this.placements.list(context)).filter(({ state }) => STANDING.has(state))) {
      try {
        left += await removeTraces(this.clusters.clientFor(placement.clusterId), placement.namespace, fn);
      } catch (error) {
        if (error instanceof DomainError) await this.progress.deleting(context, fn, troubleOf(error, placement.clusterName)?.message ?? error.message);
        throw error;
      }
    }
    if (left > 0) {
      await this.progress.deleting(context, fn, `Waiting for ${left} ${left === 1 ? 'object' : 'objects'} to be gone from the clusters.`);
      const since = Date.now() - fn.updatedAt.getTime();
      return againAfter(Math.round(Math.min(LAST_LOOK_MS, Math.max(FIRST_LOOK_MS, since / 4))));
    }
    await this.removeImages(context, fn);
    await this.progress.gone(context, fn);
    // The tenant's own deletion waits for the last function.
    if ((await this.tenants.get(context)).state === 'deleting') await this.tenants.requestReconcile(context);
    return DONE;
  }

  /** Some registries do not delete; their own clean-up is then the way. Images that other functions of the tenant name stay. */
  private async removeImages(context: TenantContext, fn: FunctionEntity): Promise<void> {
    try {
      const keep = await this.revisions.findImagesOfOthers(context, fn.id, repositoryOf(context.tenantId, fn.name));
      await this.images.removeAll(context.tenantId, fn.name, keep);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      log.info({ code: error.code, function: fn.name }, 'images of a deleted function stay in the registry');
    }
  }
}
