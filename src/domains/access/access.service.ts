import { Injectable } from '@nestjs/common';
import type { AccessList } from '../../contract/access-list.js';
import { TENANT_ROLE_PERMISSIONS, TENANT_ROLES, type Permission, type TenantRole } from '../../platform/auth/permissions.js';
import type { TenantContext } from '../../platform/context/context.js';
import { credentialsOf, keyPermissions } from './api-key.policy.js';
import { ApiKeysRepository } from './store/api-keys.repository.js';
import { MembersRepository } from './store/members.repository.js';

function rolesWith(permission: Permission): TenantRole[] {
  return TENANT_ROLES.filter((role) => TENANT_ROLE_PERMISSIONS[role].includes(permission));
}

/** What domains further right ask about access. */
@Injectable()
export class AccessService {
  constructor(
    private readonly members: MembersRepository,
    private readonly keys: ApiKeysRepository,
  ) {}

  /**
   * Who may invoke the tenant's functions, in a stable order: the same rows always give the same list. `keys` are credentials, two of
   * a key that was rotated with an overlap; `id` is the public 12 hex digits that the gateway finds one by.
   */
  async invokers(context: TenantContext): Promise<Pick<AccessList, 'keys' | 'members'>> {
    const roles = rolesWith('functions:invoke');
    const keys = (await this.keys.findByRoles(context, roles)).filter(({ role, scopes }) => keyPermissions(role, scopes).includes('functions:invoke'));
    const members = await this.members.findByRoles(context, roles);
    return {
      keys: keys.flatMap(credentialsOf),
      members: members.map(({ issuer, subject }) => ({ issuer, subject })),
    };
  }
}
