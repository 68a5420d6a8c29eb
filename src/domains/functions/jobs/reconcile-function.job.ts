import { Injectable } from '@nestjs/common';
import { systemContext, tenantJobContext } from '../../../platform/context/context.js';
import { DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { addLogContext } from '../../../platform/observability/logger.js';
import { TenantDirectory } from '../../tenants/tenant-directory.js';
import { FunctionReconciler } from '../cluster/function.reconciler.js';
import { FunctionRemover } from '../cluster/function.remover.js';
import { FUNCTION_JOB } from '../function-changes.js';
import { FunctionContributors } from '../function-contributors.js';
import { functionSuspension } from '../function-status.policy.js';
import { FunctionsRepository } from '../store/functions.repository.js';
import { RevisionBuilder } from './revision-builder.js';

/** Brings one function's world in line with its row: an image, its environment and the `Function` on each cluster; or nothing at all. */
@Injectable()
export class ReconcileFunctionJob implements JobHandler {
  readonly kind = FUNCTION_JOB;
  readonly concurrency = 6;
  private readonly system = systemContext('function-job');

  constructor(
    private readonly tenants: TenantDirectory,
    private readonly functions: FunctionsRepository,
    private readonly builder: RevisionBuilder,
    private readonly reconciler: FunctionReconciler,
    private readonly remover: FunctionRemover,
    private readonly contributors: FunctionContributors,
  ) {}

  /** @param key `<tenant id>/<function id>` */
  async handle(key: string, signal: AbortSignal): Promise<JobOutcome> {
    const [tenantId = '', functionId = ''] = key.split('/');
    const tenant = await this.tenants.findAny(this.system, tenantId);
    if (!tenant || tenant.state === 'deleted') return DONE;
    const context = tenantJobContext('function-job', tenant);
    const fn = await this.functions.find(context, functionId);
    if (!fn) return DONE;
    addLogContext({ tenant: tenant.name, function: fn.name });
    if (fn.state === 'deleting') return this.remover.remove(context, fn);
    // Its functions are about to be marked too; until then nothing new is put on a cluster.
    if (tenant.state !== 'active') return DONE;
    const built = await this.builder.ensure(context, fn, signal);
    await this.builder.ensureNamed(context, built, signal);
    const contribution = await this.contributors.contribute(context, fn.id);
    return this.reconciler.reconcile(context, { ...built, contribution }, functionSuspension(tenant.suspension));
  }
}
