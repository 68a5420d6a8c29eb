import { Injectable } from '@nestjs/common';
import type { FunctionResource } from '../../../contract/function-resource.js';
import { LABEL } from '../../../contract/names.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { againAfter, DONE, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isConflict } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { partLogger } from '../../../platform/observability/logger.js';
import { ClustersService } from '../../clusters/clusters.service.js';
import { STANDING } from '../../clusters/placement-states.js';
import { PlacementsService } from '../../clusters/placements.service.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { FunctionImages, repositoryOf } from '../function-images.js';
import { FunctionProgress } from '../function-progress.js';
import type { FunctionEntity } from '../store/function.entity.js';
import { RevisionsRepository } from '../store/revisions.repository.js';
import { troubleOf } from './function-trouble.policy.js';

const log = partLogger('functions');

/** Everything a function's name or pods may have left in its tenant's namespace, owners before what they own. */
const TRACES = [RESOURCE.deployment, RESOURCE.replicaSet, RESOURCE.pod, RESOURCE.service, RESOURCE.networkPolicy, RESOURCE.configMap, RESOURCE.secret] as const;

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
        left += await this.removeFrom(this.clusters.clientFor(placement.clusterId), placement.namespace, fn);
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

  /** @returns how many objects are still there. */
  private async removeFrom(client: KubernetesClient, namespace: string, fn: FunctionEntity): Promise<number> {
    const resource = await client.find<FunctionResource>(RESOURCE.function, { namespace, name: fn.name });
    if (resource?.spec.functionId === fn.id) {
      // Not in the foreground: that waits for a garbage collector, which takes up to 30 s to hear of a new resource type. What is left is deleted by label.
      if (resource.metadata.deletionTimestamp === undefined) await ignoreConflict(client.delete(RESOURCE.function, { namespace, name: fn.name }, { uid: resource.metadata.uid, propagationPolicy: 'Background' }));
      return 1;
    }
    const labelSelector = `${LABEL.functionId}=${fn.id}`;
    const counts = await Promise.all(TRACES.map(async (type) => {
      const { items } = await client.list<KubernetesObject>(type, { namespace, labelSelector });
      for (const { metadata } of items) {
        if (metadata.deletionTimestamp === undefined) await ignoreConflict(client.delete(type, { namespace, name: metadata.name }, { uid: metadata.uid }));
      }
      return items.length;
    }));
    return counts.reduce((sum, count) => sum + count, 0);
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

/** The object changed or was replaced meanwhile: the next run looks again. */
async function ignoreConflict(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!isConflict(error)) throw error;
  });
}
