import { Decimal } from 'decimal.js';
import type { PricedQuantities } from '../metering/usage-units.policy.js';
import { CAPACITY_METERS, type Meter } from './meters.js';

const Money = Decimal.clone({ precision: 60, rounding: Decimal.ROUND_HALF_UP, toExpPos: 60, toExpNeg: -60 });

/** A price as the plan states it. */
export interface Price {
  meter: Meter;
  amount: string;
  per: string;
  freeAllowance: string;
}

export interface RatedLine {
  meter: Meter;
  /** All in decimal text, exact. */
  quantity: string;
  freeQuantity: string;
  billableQuantity: string;
  unitAmount: string;
  per: string;
  /** Rounded once, half up, to the currency's minor unit. */
  amount: string;
}

export interface RatedUsage {
  currency: string;
  lines: RatedLine[];
  /** Sum of the rounded lines. */
  total: string;
}

/** Whether an amount is at or above a limit; both are decimal text in the same currency. */
export function hasReached(amount: string, limit: string): boolean {
  return new Money(amount).gte(limit);
}

/** Digits after the point in a currency (ISO 4217, from the runtime's own table). */
export function minorDigits(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/**
 * Prices a period's usage: the free allowance goes off first, then one multiplication and one rounding a line; the total is
 * the sum of the lines, so that a reader who adds them up gets it (design: money and usage).
 */
export function rate(quantities: PricedQuantities, prices: readonly Price[], currency: string): RatedUsage {
  const digits = minorDigits(currency);
  const lines = withCapacity(prices).map((price): RatedLine => {
    const quantity = new Money(quantities[price.meter].toFixed());
    const free = Money.min(quantity, price.freeAllowance);
    const billable = quantity.minus(free);
    const amount = billable.times(price.amount).div(price.per).toDecimalPlaces(digits, Decimal.ROUND_HALF_UP);
    return {
      meter: price.meter, quantity: quantity.toFixed(), freeQuantity: free.toFixed(), billableQuantity: billable.toFixed(),
      unitAmount: new Money(price.amount).toFixed(), per: new Money(price.per).toFixed(), amount: amount.toFixed(digits),
    };
  });
  const total = lines.reduce((sum, line) => sum.plus(line.amount), new Money(0));
  return { currency, lines, total: total.toFixed(digits) };
}

/** Capacity that the plan names no price for is shown all the same: nobody should have to guess what waits. */
function withCapacity(prices: readonly Price[]): Price[] {
  const free = CAPACITY_METERS.filter((meter) => !prices.some((price) => price.meter === meter));
  return [...prices, ...free.map((meter): Price => ({ meter, amount: '0', per: '1', freeAllowance: '0' }))];
}
