import { Injectable } from '@nestjs/common';
import type { SystemContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';

/** Who collects from which cluster. It saves work only: that lines are written once does not hang on it. */
@Injectable()
export class LogLeasesRepository {
  constructor(private readonly database: Database) {}

  /** Takes or extends it for so long. @returns whether the holder has it. */
  async take(context: SystemContext, clusterId: string, holder: string, forMs: number): Promise<boolean> {
    const rows = await this.database.statement(context,
      `INSERT INTO log_collector AS held (cluster_id, holder, held_until) SELECT id, $2, clock_timestamp() + $3 * interval '1 millisecond' FROM cluster WHERE id = $1
       ON CONFLICT (cluster_id) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until WHERE held.holder = $2 OR held.held_until < clock_timestamp() RETURNING holder`, [clusterId, holder, forMs]);
    return rows.length > 0;
  }

  async release(context: SystemContext, clusterId: string, holder: string): Promise<void> {
    await this.database.statement(context, 'DELETE FROM log_collector WHERE cluster_id = $1 AND holder = $2', [clusterId, holder]);
  }
}
