import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { AuditService } from '../audit/audit.service.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantFacts, type TenantParticipant } from '../tenants/tenant-participants.js';
import { InvitationsRepository } from './store/invitations.repository.js';
import { MembersRepository } from './store/members.repository.js';

/** Makes the person who creates a tenant its owner. Machines and the platform itself become nothing. */
@Injectable()
export class FounderParticipant implements TenantParticipant, OnModuleInit {
  readonly order = 20;
  readonly name = 'access';

  constructor(
    private readonly participants: TenantParticipants,
    private readonly members: MembersRepository,
    private readonly invitations: InvitationsRepository,
    private readonly audit: AuditService,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async created(context: TenantContext, tenant: TenantFacts): Promise<void> {
    const { kind, issuer, subject } = context.principal;
    if (kind !== 'user') return;
    const id = randomUUID();
    await this.members.add(context, { tenantId: tenant.id, id, issuer, subject, role: 'owner', version: 1, createdAt: new Date() });
    await this.audit.record(context, { action: 'member.add', target: { kind: 'member', id, name: subject }, after: 'owner' });
  }

  /** Addresses of people who never came are not kept. */
  async teardown(context: TenantContext): Promise<ParticipantResult> {
    await this.invitations.removeAll(context);
    return PARTICIPANT_DONE;
  }
}
