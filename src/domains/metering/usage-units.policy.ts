import { Decimal } from 'decimal.js';
import type { UsageSums } from './store/usage.repository.js';

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
}

export function pricedQuantities(sums: UsageSums): PricedQuantities {
  return {
    invocations: new Exact(sums.invocations),
    gb_seconds: new Exact(sums.mbMs).div(MB_PER_GB * MS_PER_SECOND),
    cpu_seconds: new Exact(sums.cpuMilliMs).div(MILLI * MS_PER_SECOND),
    response_gb: new Exact(sums.responseBytes).div(BYTES_PER_GB),
  };
}
