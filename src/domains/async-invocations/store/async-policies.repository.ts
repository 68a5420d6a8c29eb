import { Injectable } from '@nestjs/common';
import type { TenantContext } from '../../../platform/context/context.js';
import { Database } from '../../../platform/database/database.js';
import { selectList } from '../../../platform/database/row-statements.js';
import type { AsyncPolicyBody } from '../async-destination.js';
import { AsyncPolicyEntity } from './async-policy.entity.js';

const COLUMNS = selectList(AsyncPolicyEntity, 'policy');

@Injectable()
export class AsyncPoliciesRepository {
  constructor(private readonly database: Database) {}

  async find(context: TenantContext, functionId: string): Promise<AsyncPolicyEntity | null> {
    const [row] = await this.database.statement<AsyncPolicyEntity>(context, `SELECT ${COLUMNS} FROM async_policy policy WHERE tenant_id = $1 AND function_id = $2`, [context.tenantId, functionId]);
    return row ?? null;
  }

  /** What is written of a function's policy is written by one at a time, until the transaction ends. */
  async hold(context: TenantContext, functionId: string): Promise<void> {
    await this.database.statement(context, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`async-policy:${functionId}`]);
  }

  async put(context: TenantContext, functionId: string, body: AsyncPolicyBody): Promise<AsyncPolicyEntity> {
    const [row] = await this.database.statement<AsyncPolicyEntity>(context,
      `INSERT INTO async_policy AS policy (tenant_id, function_id, max_attempts, max_age_seconds, on_success, on_failure) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (tenant_id, function_id) DO UPDATE SET max_attempts = excluded.max_attempts, max_age_seconds = excluded.max_age_seconds, on_success = excluded.on_success, on_failure = excluded.on_failure,
         version = policy.version + 1, updated_at = clock_timestamp()
       RETURNING ${COLUMNS}`, [context.tenantId, functionId, body.maxAttempts, body.maxAgeSeconds, json(body.onSuccess), json(body.onFailure)]);
    return row!;
  }

  async remove(context: TenantContext, functionId: string): Promise<void> {
    await this.database.statement(context, 'DELETE FROM async_policy WHERE tenant_id = $1 AND function_id = $2', [context.tenantId, functionId]);
  }
}

function json(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
