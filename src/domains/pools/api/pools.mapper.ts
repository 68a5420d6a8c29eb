import type { Pools } from '../pools.service.js';
import { PoolBoundsModel, PoolsModel, type PoolsPayload } from './pools.model.js';

export function toPoolsModel(pools: Pools): PoolsModel {
  const bounds = (all: Pools['runtimes']): PoolBoundsModel[] => all.map((one) => Object.assign(new PoolBoundsModel(), one));
  return Object.assign(new PoolsModel(), { ...pools, runtimes: bounds(pools.runtimes), effective: bounds(pools.effective) });
}

export function toPoolsPayload(pools: Pools): Omit<PoolsPayload, 'userErrors'> {
  return { pools: toPoolsModel(pools) };
}
