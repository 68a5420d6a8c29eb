import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { TenantRole } from '../../platform/auth/permissions.js';
import type { Config } from '../../platform/config/config.js';
import type { TenantContext } from '../../platform/context/context.js';
import { Database, isUniqueViolation } from '../../platform/database/database.js';
import type { Page, PageRequest } from '../../platform/database/page.js';
import { checkEtag, type ExpectedEtag } from '../../platform/rest/etag.js';
import { CONFIG } from '../../platform/tokens.js';
import { AuditService } from '../audit/audit.service.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { AccessCache } from './access-cache.js';
import { MAX_MEMBERS } from './access-limits.js';
import { alreadyMember, issuerUnknown, lastOwner, memberExists, memberLimitReached, memberNotFound, ownerProtected, roleNotGrantable } from './access.errors.js';
import { mayGrant, mayTakeAway } from './role-grant.policy.js';
import type { MemberEntity } from './store/member.entity.js';
import { MembersRepository, type MemberFilter } from './store/members.repository.js';

export interface AddMember {
  issuer: string;
  subject: string;
  role: TenantRole;
}

const SAME_PERSON = 'member_tenant_id_issuer_subject_key';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Who belongs to a tenant and as what. A tenant always keeps an owner, and nobody gives a role beyond his own. */
@Injectable()
export class MembersService {
  constructor(
    private readonly database: Database,
    private readonly members: MembersRepository,
    private readonly tenants: TenantsService,
    private readonly audit: AuditService,
    private readonly cache: AccessCache,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  /** @throws {DomainError} MEMBER_EXISTS, MEMBER_LIMIT_REACHED, ISSUER_UNKNOWN, ROLE_NOT_GRANTABLE */
  async add(context: TenantContext, command: AddMember): Promise<MemberEntity> {
    try {
      return await this.database.transaction(context, async () => {
        await this.tenants.requireWritable(context);
        if (!mayGrant(context.permissions, command.role)) throw roleNotGrantable(command.role, context.permissions);
        if (!this.config.FNPLANE_ISSUERS?.some((trusted) => trusted.issuer === command.issuer)) throw issuerUnknown();
        return this.enter(context, command);
      });
    } catch (error) {
      if (isUniqueViolation(error, SAME_PERSON)) throw memberExists();
      throw error;
    }
  }

  /** Makes the context's own person a member: whoever calls this has the word of somebody who may grant the role. @throws {DomainError} MEMBER_EXISTS, MEMBER_LIMIT_REACHED */
  async join(context: TenantContext, role: TenantRole): Promise<MemberEntity> {
    const { issuer, subject } = context.principal;
    try {
      return await this.database.transaction(context, async () => {
        await this.tenants.requireWritable(context);
        return this.enter(context, { issuer, subject, role });
      });
    } catch (error) {
      if (isUniqueViolation(error, SAME_PERSON)) throw alreadyMember();
      throw error;
    }
  }

  /** @throws {DomainError} MEMBER_NOT_FOUND */
  async get(context: TenantContext, id: string): Promise<MemberEntity> {
    const member = UUID.test(id) ? await this.members.find(context, id) : null;
    if (!member) throw memberNotFound();
    return member;
  }

  list(context: TenantContext, request: PageRequest, filter: MemberFilter = {}): Promise<Page<MemberEntity>> {
    return this.members.findPage(context, request, filter);
  }

  /** @throws {DomainError} MEMBER_NOT_FOUND, LAST_OWNER, ROLE_NOT_GRANTABLE, OWNER_PROTECTED */
  async change(context: TenantContext, id: string, role: TenantRole, expected: ExpectedEtag): Promise<MemberEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context);
      const before = await this.lock(context, id, role);
      checkEtag(expected, before);
      if (before.role === role) return before;
      if (!mayGrant(context.permissions, role)) throw roleNotGrantable(role, context.permissions);
      const member = { ...before, role, version: before.version + 1 };
      await this.members.change(context, id, { role, version: member.version });
      await this.changed(context, 'member.change', member, before.role, role);
      return member;
    });
  }

  /** @throws {DomainError} MEMBER_NOT_FOUND, LAST_OWNER, OWNER_PROTECTED */
  async remove(context: TenantContext, id: string, expected: ExpectedEtag): Promise<MemberEntity> {
    return this.database.transaction(context, async () => {
      await this.tenants.requireWritable(context, { whileSuspended: true });
      const member = await this.lock(context, id, null);
      checkEtag(expected, member);
      await this.members.remove(context, id);
      await this.changed(context, 'member.remove', member, member.role, undefined);
      return member;
    });
  }

  private async enter(context: TenantContext, { issuer, subject, role }: AddMember): Promise<MemberEntity> {
    if (await this.members.count(context) >= MAX_MEMBERS) throw memberLimitReached(MAX_MEMBERS);
    const member = await this.members.add(context, { tenantId: context.tenantId, id: randomUUID(), issuer, subject, role, version: 1, createdAt: new Date() });
    await this.changed(context, 'member.add', member, undefined, role);
    return member;
  }

  /** Owners are locked before the one that changes, always in that order: two of them cannot wait for each other. */
  private async lock(context: TenantContext, id: string, next: TenantRole | null): Promise<MemberEntity> {
    const seen = await this.get(context, id);
    const owners = seen.role === 'owner' ? await this.members.lockOwners(context) : 0;
    const member = await this.members.lock(context, id);
    if (!member) throw memberNotFound();
    if (member.role !== 'owner' || next === 'owner') return member;
    if (!mayTakeAway(context.permissions, member.role)) throw ownerProtected();
    if ((owners || await this.members.lockOwners(context)) <= 1) throw lastOwner();
    return member;
  }

  private async changed(context: TenantContext, action: string, member: MemberEntity, before: TenantRole | undefined, after: TenantRole | undefined): Promise<void> {
    await this.audit.record(context, { action, target: { kind: 'member', id: member.id, name: member.subject }, before, after });
    await this.tenants.requestReconcile(context);
    this.database.afterCommit(() => this.cache.forgetMember(userKey(member), { id: context.tenantId, name: context.tenantName }));
  }
}

/** As the guard makes a person's key. */
function userKey(member: Pick<MemberEntity, 'issuer' | 'subject'>): string {
  return `user:${member.issuer}|${member.subject}`;
}
