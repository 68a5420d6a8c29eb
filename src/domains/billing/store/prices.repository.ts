import { Injectable } from '@nestjs/common';
import type { Context } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { PriceEntity } from './price.entity.js';

export interface PricedPlan {
  name: string;
  currency: string;
  prices: PriceEntity[];
}

/** Plans and prices belong to no tenant; everybody may read them. */
@Injectable()
export class PricesRepository {
  constructor(private readonly database: Database) {}

  find(context: Context, plan: string): Promise<PricedPlan | null> {
    return this.database.transaction(context, async (manager) => {
      const [row] = await manager.query<{ name: string; currency: string }[]>('SELECT name, currency FROM plan WHERE name = $1', [plan]);
      if (!row) return null;
      return { ...row, prices: await manager.find(PriceEntity, { where: { plan }, order: { meter: 'ASC' } }) };
    });
  }
}
