import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { TenantContext } from '../../platform/context/context.js';
import { Database } from '../../platform/database/database.js';
import { PARTICIPANT_DONE, TenantParticipants, type ParticipantResult, type TenantParticipant } from '../tenants/tenant-participants.js';
import { ConfigSetsRepository } from './store/config-sets.repository.js';
import { SecretsRepository } from './store/secrets.repository.js';

/** A deleted tenant's values go once its functions have gone. With the rows go the only copies of their data keys. */
@Injectable()
export class ConfigurationParticipant implements TenantParticipant, OnModuleInit {
  readonly name = 'configuration';
  readonly order = 40;

  constructor(
    private readonly participants: TenantParticipants,
    private readonly database: Database,
    private readonly configs: ConfigSetsRepository,
    private readonly secrets: SecretsRepository,
  ) {}

  onModuleInit(): void {
    this.participants.register(this);
  }

  /** Reservations are the quota's to give back: its own part comes after this one. */
  async teardown(context: TenantContext): Promise<ParticipantResult> {
    await this.database.transaction(context, async () => {
      await this.secrets.removeAll(context);
      await this.configs.removeAll(context);
    });
    return PARTICIPANT_DONE;
  }
}
