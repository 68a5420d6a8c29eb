import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantParticipant } from '../tenants/tenant-participants.js';
import { ApiKeysRepository } from './store/api-keys.repository.js';
import { MembersRepository } from './store/members.repository.js';

/** Takes a deleted tenant's members and keys away, after all else: until then its owners see how far the deletion is. */
@Injectable()
export class DepartureParticipant implements TenantParticipant, OnModuleInit {
  readonly order = 10;
  readonly name = 'departure';

  constructor(
    private readonly participants: TenantParticipants,
    private readonly members: MembersRepository,
    private readonly keys: ApiKeysRepository,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    await this.keys.removeAll(context);
    await this.members.removeAll(context);
    return PARTICIPANT_DONE;
  }
}
