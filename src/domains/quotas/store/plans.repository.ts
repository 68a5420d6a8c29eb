import { Injectable } from '@nestjs/common';
import type { Context } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import type { Page, PageRequest } from '../../../platform/database/page.js';
import { pageByAge } from '../../../platform/database/tenant-repository.js';
import { PlanEntity } from './plan.entity.js';

/** Plans belong to the platform: everybody may read them, nobody writes them at run time. */
@Injectable()
export class PlansRepository {
  constructor(private readonly database: Database) {}

  find(context: Context, name: string): Promise<PlanEntity | null> {
    return this.database.transaction(context, (manager) => manager.findOneBy(PlanEntity, { name }));
  }

  findPage(context: Context, request: PageRequest, name?: string): Promise<Page<PlanEntity>> {
    return this.database.transaction(context, (manager) => {
      const query = manager.createQueryBuilder(PlanEntity, 'plan');
      if (name !== undefined) query.andWhere('plan.name = :name', { name });
      return pageByAge(query, 'plan', request, 'createdAt', 'name');
    });
  }
}
