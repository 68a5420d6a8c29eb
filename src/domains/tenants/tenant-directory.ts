import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../platform/context/context.js';
import { TenantsRepository } from './store/tenants.repository.js';
import type { TenantEntity } from './store/tenant.entity.js';

/** Finds tenants for work that is not yet inside one: authentication, jobs, the meter. */
@Injectable()
export class TenantDirectory {
  constructor(private readonly tenants: TenantsRepository) {}

  /** By name or id; null for none and for deleted ones. */
  find(context: SystemContext, reference: string): Promise<TenantEntity | null> {
    return this.tenants.findLive(context, reference);
  }

  /** By id, deleted ones too: their last usage still has to be booked. */
  findAny(context: SystemContext, id: string): Promise<TenantEntity | null> {
    return this.tenants.findAny(context, id);
  }
}
