import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { EventsService } from '../events/events.service.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantParticipant } from '../tenants/tenant-participants.js';
import { WebhooksRepository } from './store/webhooks.repository.js';

const BATCH = 5_000;

/** Webhooks and events go late in a tenant's end: until then it is told what becomes of its functions. */
@Injectable()
export class WebhooksParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'webhooks';
  readonly order = 12;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly webhooks: WebhooksRepository,
    private readonly events: EventsService,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  async teardown(context: TenantContext): Promise<ParticipantResult> {
    const left = (await this.webhooks.removeSome(context, BATCH)) === BATCH || (await this.events.removeSome(context, BATCH)) === BATCH;
    return left ? { done: false, reason: 'Deleting', message: 'Events are being removed.', retryAfterMs: 0 } : PARTICIPANT_DONE;
  }
}
