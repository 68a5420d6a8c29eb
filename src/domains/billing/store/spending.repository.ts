import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';

export interface SpendShare {
  tenant: string;
  /** Of the limit: 1 or more. */
  ratio: number;
}

/** Reads who has spent what the quota allows, over all tenants. */
@Injectable()
export class SpendingRepository {
  constructor(private readonly database: Database) {}

  reached(context: SystemContext, most: number): Promise<SpendShare[]> {
    return this.database.statement<SpendShare>(context,
      `SELECT name AS tenant, coalesce((spend_reached ->> 'spent')::numeric / nullif((spend_reached ->> 'limit')::numeric, 0), 1)::float8 AS ratio
       FROM tenant WHERE spend_reached IS NOT NULL AND state = 'active' ORDER BY name LIMIT $1`, [most]);
  }
}
