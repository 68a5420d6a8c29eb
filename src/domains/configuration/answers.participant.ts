import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { MutationRunner } from '../../platform/mutations/mutation-runner.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantParticipant } from '../tenants/tenant-participants.js';

/** Answers kept for a tenant's requests may hold what was shown once: they go last, when nothing in the tenant is answered any more. */
@Injectable()
export class AnswersParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'answers';
  readonly order = 5;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly answers: MutationRunner,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    await this.answers.forget(context);
    return PARTICIPANT_DONE;
  }
}
