import type { PoolRuntime } from '../../../contract/pool-resource.js';
import type { CapacityRecordEntity } from '../store/capacity-record.entity.js';
import type { CapacitySums, FunctionUsage, UsageSums } from '../store/usage.repository.js';
import type { UsageRecordEntity } from '../store/usage-record.entity.js';
import type { UsageOfMonth } from '../usage.service.js';
import { cpuSeconds, gbSeconds, seconds } from '../usage-units.policy.js';
import { CapacityRecordModel, FunctionUsageModel, IdleCapacityModel, PoolUsageModel, UsageModel, UsageQuantitiesModel, UsageRecordModel } from './usage.model.js';

function quantities(sums: UsageSums) {
  return {
    invocations: Number(sums.invocations), billedMs: Number(sums.billedMs), gbSeconds: gbSeconds(sums).toFixed(), cpuSeconds: cpuSeconds(sums).toFixed(),
    requestBytes: Number(sums.requestBytes), responseBytes: Number(sums.responseBytes),
  };
}

function toIdleModel(sums: CapacitySums): IdleCapacityModel {
  return Object.assign(new IdleCapacityModel(), { podSeconds: seconds(sums).toFixed(), gbSeconds: gbSeconds(sums).toFixed(), cpuSeconds: cpuSeconds(sums).toFixed() });
}

export function toFunctionUsageModel(usage: FunctionUsage): FunctionUsageModel {
  return Object.assign(new FunctionUsageModel(), quantities(usage), { functionId: usage.functionId, functionName: usage.functionName, idle: toIdleModel(usage.idle) });
}

export function toUsageModel(usage: UsageOfMonth): UsageModel {
  return Object.assign(new UsageModel(), {
    period: usage.month, timeZone: usage.timeZone, from: usage.period.from, to: usage.period.to,
    total: Object.assign(new UsageQuantitiesModel(), quantities(usage.total)), idle: toIdleModel(usage.total.idle),
    pools: usage.pools.map((pool) => Object.assign(new PoolUsageModel(), toIdleModel(pool), { runtime: pool.runtime as PoolRuntime })), functions: usage.functions.map(toFunctionUsageModel),
  });
}

export function toUsageRecordModel(row: UsageRecordEntity): UsageRecordModel {
  const { id, tenantId, functionId, functionName, revision, cluster, occurredAt, recordedAt } = row;
  return Object.assign(new UsageRecordModel(), quantities(row), { id, tenantId, functionId, functionName, revision, cluster, occurredAt, recordedAt });
}

export function toCapacityRecordModel(row: CapacityRecordEntity): CapacityRecordModel {
  const { id, tenantId, use, functionId, functionName, revision, runtime, cluster, podUid, occurredAt, recordedAt } = row;
  return Object.assign(new CapacityRecordModel(), {
    id, tenantId, use, functionId, functionName, revision, runtime, cluster, podUid, ms: Number(row.ms), gbSeconds: gbSeconds(row).toFixed(), cpuSeconds: cpuSeconds(row).toFixed(), occurredAt, recordedAt,
  });
}
