import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TriggersSpec } from '../../contract/triggers.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { FunctionChanges } from '../functions/function-changes.js';
import { FunctionContributors, type FunctionContribution, type FunctionContributor } from '../functions/function-contributors.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantFacts, type TenantParticipant } from '../tenants/tenant-participants.js';
import { HttpTriggersRepository } from './store/http-triggers.repository.js';

/** What a cluster is told of a function's triggers. They go with the function: nothing is left to take away. */
@Injectable()
export class TriggersContributor implements FunctionContributor, TenantParticipant, OnModuleInit {
  readonly name = 'triggers';
  readonly order = 70;

  constructor(
    private readonly contributors: FunctionContributors,
    private readonly participants: TenantParticipants,
    private readonly database: Database,
    private readonly triggers: HttpTriggersRepository,
    private readonly changes: FunctionChanges,
  ) {}

  onModuleInit(): void {
    this.contributors.register(this);
    this.participants.register(this);
  }

  async contribute(context: TenantContext, functionId: string): Promise<FunctionContribution> {
    const rows = await this.triggers.findOf(context, functionId);
    const http: TriggersSpec['http'] = rows.map(({ name, host, pathType, path, settings, throughGateway }) => ({
      name, host, path: { type: pathType, value: path }, ...settings, ...(throughGateway ? { through: 'gateway' as const } : {}),
    }));
    return http.length === 0 ? {} : { triggers: { http } };
  }

  /** Only gateways refuse what a tenant may not spend any more: until it may again, there is no other way to its functions. */
  provision(context: TenantContext, tenant: TenantFacts): Promise<ParticipantResult> {
    return this.database.transaction(context, async () => {
      for (const functionId of await this.triggers.setThroughGateway(context, tenant.spendReached !== null)) await this.changes.enqueue(context, functionId);
      return PARTICIPANT_DONE;
    });
  }
}
