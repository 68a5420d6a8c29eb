import { Injectable } from '@nestjs/common';
import { systemContext, tenantJobContext, type TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { againAfter, DONE, type JobHandler, type JobOutcome } from '../../../platform/jobs/job-runner.js';
import { DomainError } from '../../../platform/errors/domain-error.js';
import { OperationsService } from '../../operations/operations.service.js';
import { TenantsRepository } from '../store/tenants.repository.js';
import type { TenantCondition, TenantEntity } from '../store/tenant.entity.js';
import { TenantParticipants, type ParticipantResult } from '../tenant-participants.js';
import { TENANT_JOB } from '../tenants.service.js';

/** A settled tenant is looked at again after this, so that what was changed behind our back on a cluster is put right. */
const RESYNC_MS = 10 * 60_000;

/** Brings one tenant's world in line with its row: provisioning while it is active, teardown while it is being deleted. */
@Injectable()
export class TenantJob implements JobHandler {
  readonly kind = TENANT_JOB;
  readonly concurrency = 8;
  private readonly system = systemContext('tenant-job');

  constructor(
    private readonly database: Database,
    private readonly tenants: TenantsRepository,
    private readonly participants: TenantParticipants,
    private readonly operations: OperationsService,
  ) {}

  async handle(id: string): Promise<JobOutcome> {
    const tenant = await this.tenants.findAny(this.system, id);
    if (!tenant || tenant.state === 'deleted') return DONE;
    const context = tenantJobContext('tenant-job', tenant);
    return tenant.state === 'deleting' ? this.teardown(context, tenant) : this.provision(context, tenant);
  }

  private async provision(context: TenantContext, tenant: TenantEntity): Promise<JobOutcome> {
    for (const participant of this.participants.rising()) {
      const result = await this.attempt(() => participant.provision?.(context, tenant));
      if (!result.done) {
        await this.write(context, tenant, { status: 'False', reason: result.reason, message: result.message, settled: false });
        return againAfter(result.retryAfterMs);
      }
    }
    await this.database.transaction(context, async () => {
      await this.write(context, tenant, { status: 'True', reason: 'Ready', message: 'The tenant is set up on its clusters.', settled: true });
      await this.operations.finish(context, tenant.id, { state: 'succeeded' }, tenant.generation);
    });
    return againAfter(RESYNC_MS);
  }

  private async teardown(context: TenantContext, tenant: TenantEntity): Promise<JobOutcome> {
    for (const participant of this.participants.falling()) {
      const result = await this.attempt(() => participant.teardown?.(context, tenant));
      if (!result.done) {
        await this.write(context, tenant, { status: 'False', reason: result.reason, message: result.message, settled: false });
        return againAfter(result.retryAfterMs);
      }
    }
    await this.operations.finish(context, tenant.id, { state: 'succeeded' });
    await this.tenants.update(this.system, tenant.id, { state: 'deleted', deletedAt: new Date(), updatedAt: new Date(), version: tenant.version + 1, conditions: [] });
    return DONE;
  }

  /** A participant's domain error is a reason to show and to try again; anything else is a fault for the runner's backoff. */
  private async attempt(work: () => Promise<ParticipantResult> | undefined): Promise<ParticipantResult> {
    try {
      return (await work()) ?? { done: true };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { done: false, reason: 'RetryingAfterError', message: error.message, retryAfterMs: (error.retryAfterSeconds ?? 2) * 1000 };
    }
  }

  private async write(context: TenantContext, tenant: TenantEntity, state: { status: 'True' | 'False'; reason: string; message: string; settled: boolean }): Promise<void> {
    const conditions: TenantCondition[] = [
      { type: 'Ready', status: state.status, reason: state.reason, message: state.message, lastTransitionTime: '' },
      { type: 'Reconciling', status: state.settled ? 'False' : 'True', reason: state.settled ? 'Settled' : state.reason, message: state.settled ? '' : state.message, lastTransitionTime: '' },
    ];
    for (const condition of conditions) {
      const before = tenant.conditions.find((other) => other.type === condition.type);
      condition.lastTransitionTime = before && before.status === condition.status ? before.lastTransitionTime : new Date().toISOString();
    }
    const observedGeneration = state.settled ? tenant.generation : tenant.observedGeneration;
    if (observedGeneration === tenant.observedGeneration && JSON.stringify(conditions) === JSON.stringify(tenant.conditions)) return;
    await this.tenants.update(context, tenant.id, { conditions, observedGeneration });
  }
}
