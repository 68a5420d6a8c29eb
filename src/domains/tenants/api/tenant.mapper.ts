import { etagOf } from '../../../platform/rest/etag.js';
import { toOperationModel } from '../../operations/api/operation.mapper.js';
import type { SpendReached } from '../tenant-state.js';
import type { TenantEntity } from '../store/tenant.entity.js';
import type { TenantWithOperation } from '../tenants.service.js';
import { AcceptedTenant, ConditionModel, TenantModel, type TenantPayload } from './tenant.model.js';

interface StoredCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  lastTransitionTime: string;
}

export function toConditionModel(condition: StoredCondition): ConditionModel {
  const { type, status, reason, message, lastTransitionTime } = condition;
  return Object.assign(new ConditionModel(), { type, status, reason, message, lastTransitionTime: new Date(lastTransitionTime) });
}

/** A statement of its own beside those of the tenant's set-up, from the one column that says so. */
function spendingCondition(reached: SpendReached): StoredCondition {
  const { month, limit, spent, currency, at } = reached;
  return {
    type: 'SpendLimitReached', status: 'True', reason: 'MonthlySpendReached', lastTransitionTime: at,
    message: `${spent} ${currency} are spent in ${month} and the quota allows ${limit} ${currency} a month: functions are not invoked and nothing may grow until the limit is raised or the next month begins.`,
  };
}

export function toTenantModel(row: TenantEntity): TenantModel {
  const { version: _, deletedAt: __, conditions, spendReached, ...rest } = row;
  return Object.assign(new TenantModel(), rest, {
    tenantId: row.id, spending: spendReached ? 'reached' : 'within', etag: etagOf(row),
    conditions: [...conditions, ...(spendReached ? [spendingCondition(spendReached)] : [])].map(toConditionModel),
  });
}

export function toAcceptedTenant(result: TenantWithOperation): AcceptedTenant {
  return Object.assign(new AcceptedTenant(), toTenantModel(result.tenant), { operation: toOperationModel(result.operation) });
}

export function toTenantPayload(result: TenantWithOperation): Omit<TenantPayload, 'userErrors'> {
  return { tenant: toTenantModel(result.tenant), operation: toOperationModel(result.operation) };
}
