import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { ConfigSetEntity } from './config-set.entity.js';
import { NamedSetsRepository } from './named-sets.repository.js';

@Injectable()
export class ConfigSetsRepository extends NamedSetsRepository<ConfigSetEntity> {
  constructor(database: Database) {
    super(database, ConfigSetEntity);
  }

  async update(context: TenantContext, id: string, change: Pick<ConfigSetEntity, 'data' | 'version' | 'updatedAt'>): Promise<void> {
    await this.run(context, (manager) => manager.update(ConfigSetEntity, { tenantId: context.tenantId, id }, change as never));
  }
}
