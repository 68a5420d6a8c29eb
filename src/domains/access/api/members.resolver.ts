import { Args, ID, Mutation, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { Audited } from '../../../platform/audit/audited.js';
import { RequireParent, RequireTenant, Tenant } from '../../../platform/auth/authorization.js';
import type { TenantContext } from '../../../platform/context/context.js';
import { toConnection, type Connection } from '../../../platform/graphql/connection.js';
import { encodeGlobalId } from '../../../platform/graphql/global-id.js';
import { GraphqlMutations } from '../../../platform/graphql/graphql-mutations.js';
import { NodeOf } from '../../../platform/graphql/node.js';
import { MembersService } from '../members.service.js';
import { toMemberModel } from './access.mapper.js';
import { AddMemberInput, ChangeMemberInput, MemberConnection, TenantMembersArgs, MemberModel, MemberPayload, RemoveMemberInput } from './member.model.js';

@Resolver(() => MemberModel)
export class MembersResolver {
  constructor(
    private readonly members: MembersService,
    private readonly mutations: GraphqlMutations,
  ) {}

  @Query(() => MemberModel, { description: 'One member, by its UUID.' })
  @RequireTenant('members:read')
  async member(@Tenant() context: TenantContext, @Args('tenant') _tenant: string, @Args('member') member: string): Promise<MemberModel> {
    return toMemberModel(await this.members.get(context, member));
  }

  @Query(() => MemberConnection, { name: 'members' })
  @RequireTenant('members:read')
  async list(@Tenant() context: TenantContext, @Args() args: TenantMembersArgs): Promise<Connection<MemberModel>> {
    return toConnection(await this.members.list(context, args.toPage(), { issuer: args.issuer ?? undefined, subject: args.subject ?? undefined }), args, toMemberModel);
  }

  @Mutation(() => MemberPayload)
  @RequireTenant('members:manage')
  @Audited('member.add')
  addMember(@Tenant() context: TenantContext, @Args('input') input: AddMemberInput): Promise<MemberPayload> {
    return this.mutations.run(context, 'addMember', input, async () => ({ member: toMemberModel(await this.members.add(context, input.member)) }));
  }

  @Mutation(() => MemberPayload)
  @RequireTenant('members:manage')
  @Audited('member.change')
  changeMember(@Tenant() context: TenantContext, @Args('input') input: ChangeMemberInput): Promise<MemberPayload> {
    return this.mutations.run(context, 'changeMember', input, async () => ({ member: toMemberModel(await this.members.change(context, input.member, input.change.role, input.ifMatch)) }));
  }

  @Mutation(() => MemberPayload)
  @RequireTenant('members:manage')
  @Audited('member.remove')
  removeMember(@Tenant() context: TenantContext, @Args('input') input: RemoveMemberInput): Promise<MemberPayload> {
    return this.mutations.run(context, 'removeMember', input, async () => ({ member: toMemberModel(await this.members.remove(context, input.member, input.ifMatch)) }));
  }

  @NodeOf('Member', 'members:read')
  async byNodeId(context: TenantContext, id: string): Promise<MemberModel> {
    return toMemberModel(await this.members.get(context, id));
  }

  @ResolveField(() => ID, { name: 'id' })
  @RequireParent('tenant:read')
  nodeId(@Parent() member: MemberModel): string {
    return encodeGlobalId('Member', member.tenantId, member.id);
  }

  @ResolveField(() => String, { description: 'The UUID REST knows it by.' })
  @RequireParent('tenant:read')
  uuid(@Parent() member: MemberModel): string {
    return member.id;
  }
}
