import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { normaliseEmail } from '../../platform/auth/email.policy.js';
import type { TenantRole } from '../../platform/auth/permissions.js';
import type { SystemContext, TenantContext } from '../../platform/context/context.js';
import { Database, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { AuditService } from '../audit/audit.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { MAX_INVITATIONS } from './access-limits.js';
import { emailInvalid, invitationExists, invitationExpiryInvalid, invitationLimitReached, invitationNotFound, roleNotGrantable } from './access.errors.js';
import { invitationExpiry } from './invitation-expiry.policy.js';
import { MembersService } from './members.service.js';
import { mayGrant } from './role-grant.policy.js';
import type { InvitationEntity } from './store/invitation.entity.js';
import { InvitationsRepository } from './store/invitations.repository.js';
import type { MemberEntity } from './store/member.entity.js';

export interface Invite {
  email: string;
  role: TenantRole;
  /** In a week when absent. */
  expiresAt?: Date;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Offers of membership to people whose tokens are not known yet, only their e-mail address. It is taken up by whoever's issuer
 * says that the address was verified; the membership is then of that token's issuer and subject, and the address is forgotten.
 */
@Injectable()
export class InvitationsService {
  constructor(
    private readonly database: Database,
    private readonly invitations: InvitationsRepository,
    private readonly members: MembersService,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
  ) {}

  /** @throws {DomainError} INVITATION_EXISTS, INVITATION_LIMIT_REACHED, INVITATION_EXPIRY_INVALID, EMAIL_INVALID, ROLE_NOT_GRANTABLE */
  async invite(context: TenantContext, command: Invite): Promise<InvitationEntity> {
    const { role } = command;
    const createdAt = new Date();
    const email = normaliseEmail(command.email);
    if (email === undefined) throw emailInvalid();
    const expiresAt = invitationExpiry(command.expiresAt, createdAt);
    if (!expiresAt) throw invitationExpiryInvalid();
    const invitation: InvitationEntity = { tenantId: context.tenantId, id: randomUUID(), tenantName: context.tenantName, email, role, invitedBy: context.principal.key, expiresAt, createdAt };
    try {
      return await this.database.transaction(context, async () => {
        await this.tenants.requireWritable(context);
        if (!mayGrant(context.permissions, role)) throw roleNotGrantable(role, context.permissions);
        await this.invitations.removeExpired(context);
        if (await this.invitations.count(context) >= MAX_INVITATIONS) throw invitationLimitReached(MAX_INVITATIONS);
        await this.invitations.add(context, invitation);
        await this.audit.record(context, { action: 'invitation.create', target: targetOf(invitation), after: { role, expiresAt } });
        return invitation;
      });
    } catch (error) {
      if (isUniqueViolation(error, 'invitation_once')) throw invitationExists();
      throw error;
    }
  }

  /** @throws {DomainError} INVITATION_NOT_FOUND, also for an expired one. */
  async get(context: TenantContext, id: string): Promise<InvitationEntity> {
    const found = UUID.test(id) ? await this.invitations.find(context, id) : null;
    if (!found) throw invitationNotFound();
    return found;
  }

  list(context: TenantContext, request: PageRequest, email?: string): Promise<Page<InvitationEntity>> {
    return this.invitations.findPage(context, request, email?.toLowerCase());
  }

  /** @throws {DomainError} INVITATION_NOT_FOUND, ETAG_MISMATCH */
  async withdraw(context: TenantContext, id: string, expected?: ExpectedEtag): Promise<InvitationEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context, { whileSuspended: true });
      const invitation = await this.get(context, id);
      checkEtag(expected, invitationTag(invitation));
      if (!(await this.invitations.remove(context, id))) throw invitationNotFound();
      await this.audit.record(context, { action: 'invitation.withdraw', target: targetOf(invitation), before: { role: invitation.role, expiresAt: invitation.expiresAt } });
      return invitation;
    });
  }

  /** Those to the caller's own verified address. */
  async received(caller: SystemContext, request: PageRequest): Promise<Page<InvitationEntity>> {
    const { email } = caller.principal;
    return email === undefined ? { items: [], nextCursor: null } : this.invitations.findPageFor(caller, email, request);
  }

  /**
   * Makes the caller a member, once.
   * @throws {DomainError} INVITATION_NOT_FOUND, the same for one that is unknown, expired, or somebody else's; MEMBER_EXISTS, MEMBER_LIMIT_REACHED
   */
  async accept(caller: SystemContext, id: string): Promise<MemberEntity> {
    const { principal, requestId } = caller;
    if (principal.email === undefined || !UUID.test(id)) throw invitationNotFound();
    const email = principal.email;
    return this.database.transaction(caller, async () => {
      const invitation = await this.invitations.take(caller, id, email);
      if (!invitation) throw invitationNotFound();
      const context: TenantContext = { scope: 'tenant', tenantId: invitation.tenantId, tenantName: invitation.tenantName, principal, permissions: new Set(), requestId };
      await this.audit.record(context, { action: 'invitation.accept', target: targetOf(invitation), before: { role: invitation.role, expiresAt: invitation.expiresAt } });
      return this.members.join(context, invitation.role);
    });
  }
}

/** What an invitation's etag is made of: it is made and ended, and never changed in between. */
export function invitationTag({ id }: Pick<InvitationEntity, 'id'>): { id: string; version: number } {
  return { id, version: 1 };
}

function targetOf({ id, email }: InvitationEntity): { kind: string; id: string; name: string } {
  return { kind: 'invitation', id, name: email };
}
