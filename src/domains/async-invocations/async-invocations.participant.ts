import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantParticipant } from '../tenants/tenant-participants.js';
import { AsyncInvocationsRepository } from './store/async-invocations.repository.js';

const BATCH = 5_000;

/** Rows would go with their functions; so many at once are taken away before, a batch at a time. None is accepted any more by then. */
@Injectable()
export class AsyncInvocationsParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'async-invocations';
  readonly order = 75;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly rows: AsyncInvocationsRepository,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    const removed = await this.rows.removeSome(context, BATCH);
    if (removed < BATCH) return PARTICIPANT_DONE;
    return { done: false, reason: 'Deleting', message: 'Asynchronous invocations are being removed.', retryAfterMs: 0 };
  }
}
