import { Injectable, type OnModuleInit } from '@nestjs/common';
import { systemContext, type TenantContext } from '../../platform/context/context.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantParticipant } from '../tenants/tenant-participants.js';
import { LogCleaningRepository } from './store/log-cleaning.repository.js';

const BATCH = 10_000;

/** Entries went with their functions by now, and none is added without one: what is left are the accounts of them. */
@Injectable()
export class LogsParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'logs';
  readonly order = 55;
  private readonly system = systemContext('logs');

  constructor(
    private readonly participants: TenantParticipants,
    private readonly cleaning: LogCleaningRepository,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async teardown({ tenantId }: TenantContext): Promise<ParticipantResult> {
    const removed = await this.cleaning.removeTenant(this.system, tenantId, BATCH);
    if (removed < BATCH) return PARTICIPANT_DONE;
    return { done: false, reason: 'Deleting', message: 'Logs are being removed.', retryAfterMs: 0 };
  }
}
