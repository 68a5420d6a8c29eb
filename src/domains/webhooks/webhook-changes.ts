import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { JobQueue } from '../../platform/jobs/job-queue.js';
import { AuditService } from '../audit/audit.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { WEBHOOK_JOB, webhookJobKey } from './webhook-states.js';

/** What goes before and what follows every change of a webhook, in its transaction. */
@Injectable()
export class WebhookChanges {
  constructor(
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
    private readonly jobs: JobQueue,
  ) {}

  /** @throws {DomainError} TENANT_DELETING, TENANT_SUSPENDED. */
  async begin(context: TenantContext): Promise<void> {
    await this.tenants.requireWritable(context);
  }

  async record(context: TenantContext, action: `webhook.${string}`, { id, name }: { id: string; name: string | null }, facts: { before?: object; after?: object } = {}): Promise<void> {
    await this.audit.record(context, { action, target: { kind: 'webhook', id, name: name ?? '' }, ...facts });
  }

  /** Asks for what waits to be sent. */
  wake(context: TenantContext, id: string): Promise<void> {
    return this.jobs.enqueue(context, { kind: WEBHOOK_JOB, key: webhookJobKey(context.tenantId, id), group: context.tenantId });
  }
}
