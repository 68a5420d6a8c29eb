import type { FunctionUsage, UsageSums } from '../store/usage.repository.js';
import type { UsageRecordEntity } from '../store/usage-record.entity.js';
import type { UsageOfMonth } from '../usage.service.js';
import { pricedQuantities } from '../usage-units.policy.js';
import { FunctionUsageModel, UsageModel, UsageQuantitiesModel, UsageRecordModel } from './usage.model.js';

function quantities(sums: UsageSums) {
  const priced = pricedQuantities(sums);
  return {
    invocations: Number(sums.invocations), billedMs: Number(sums.billedMs), gbSeconds: priced.gb_seconds.toFixed(), cpuSeconds: priced.cpu_seconds.toFixed(),
    requestBytes: Number(sums.requestBytes), responseBytes: Number(sums.responseBytes),
  };
}

export function toFunctionUsageModel(usage: FunctionUsage): FunctionUsageModel {
  return Object.assign(new FunctionUsageModel(), quantities(usage), { functionId: usage.functionId, functionName: usage.functionName });
}

export function toUsageModel(usage: UsageOfMonth): UsageModel {
  return Object.assign(new UsageModel(), {
    period: usage.month, timeZone: usage.timeZone, from: usage.period.from, to: usage.period.to,
    total: Object.assign(new UsageQuantitiesModel(), quantities(usage.total)), functions: usage.functions.map(toFunctionUsageModel),
  });
}

export function toUsageRecordModel(row: UsageRecordEntity): UsageRecordModel {
  const { id, tenantId, functionId, functionName, revision, cluster, occurredAt, recordedAt } = row;
  return Object.assign(new UsageRecordModel(), quantities(row), { id, tenantId, functionId, functionName, revision, cluster, occurredAt, recordedAt });
}
