import { Decimal } from 'decimal.js';
import type { CapacitySums, UsageSums } from './store/usage.repository.js';

/** 40 digits: more than any sum of the ledger can have. */
const Exact = Decimal.clone({ precision: 60, toExpPos: 60, toExpNeg: -60 });

const MB_PER_GB = 1024;
const MS_PER_SECOND = 1000;
const MILLI = 1000;
const BYTES_PER_GB = 1024 ** 3;

/** What is priced, in the units prices are given in; exact. */
export interface PricedQuantities {
  invocations: Decimal;
  gb_seconds: Decimal;
  cpu_seconds: Decimal;
  response_gb: Decimal;
  idle_gb_seconds: Decimal;
  idle_cpu_seconds: Decimal;
  pool_gb_seconds: Decimal;
  pool_cpu_seconds: Decimal;
}

/** All that a month's bill is made of. */
export interface BillableUsage {
  total: UsageSums & { idle: CapacitySums };
  /** Of warm pools. */
  pools: readonly CapacitySums[];
}

export function pricedQuantities({ total, pools }: BillableUsage): PricedQuantities {
  const pool = sumOf(pools);
  return {
    invocations: new Exact(total.invocations),
    gb_seconds: gbSeconds(total),
    cpu_seconds: cpuSeconds(total),
    response_gb: new Exact(total.responseBytes).div(BYTES_PER_GB),
    idle_gb_seconds: gbSeconds(total.idle),
    idle_cpu_seconds: cpuSeconds(total.idle),
    pool_gb_seconds: gbSeconds(pool),
    pool_cpu_seconds: cpuSeconds(pool),
  };
}

export function gbSeconds({ mbMs }: Pick<CapacitySums, 'mbMs'>): Decimal {
  return new Exact(mbMs).div(MB_PER_GB * MS_PER_SECOND);
}

export function cpuSeconds({ cpuMilliMs }: Pick<CapacitySums, 'cpuMilliMs'>): Decimal {
  return new Exact(cpuMilliMs).div(MILLI * MS_PER_SECOND);
}

export function seconds({ ms }: Pick<CapacitySums, 'ms'>): Decimal {
  return new Exact(ms).div(MS_PER_SECOND);
}

function sumOf(all: readonly CapacitySums[]): CapacitySums {
  const add = (field: keyof CapacitySums): string => all.reduce((sum, one) => sum + BigInt(one[field]), 0n).toString();
  return { ms: add('ms'), mbMs: add('mbMs'), cpuMilliMs: add('cpuMilliMs') };
}
