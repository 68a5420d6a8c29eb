import type { Rate } from './rate.policy.js';

/** How long leased tokens may be spent; what is left then is lost to the caller, and the bucket refills meanwhile. */
export const LEASE_MS = 2_000;
/** A lease is meant to last so long at the demand last seen. */
const AIM_MS = 1_500;
/** A process that has seen little of a caller leases so much, or a sixteenth of a small bucket. */
const LEAST = 8;
/** What one lease takes at most of a bucket, so that one process does not hold what another needs. */
const LARGEST_SHARE = 1 / 2;
/** A bucket that gave less than was wanted is asked again no sooner... */
const SOONEST_MS = 100;
/** ...and no later than this. */
const LATEST_MS = 1_000;
/** Below this share of the last lease the next one is fetched, while requests go on. */
const REFILL_BELOW = 1 / 4;

/** What a process has seen of one caller since its last lease. */
export interface Demand {
  /** Tokens asked for. */
  asked: number;
  elapsedMs: number;
  /** Size of the last lease, 0 for none. */
  lastLease: number;
  /** Tokens that requests wait for at this moment. */
  waiting: number;
}

/**
 * Tokens to lease. It at most doubles from one lease to the next, so that no more is ever lost than was lately spent: ten requests at
 * once do not empty the bucket for the other processes.
 */
export function leaseSize(rate: Rate, demand: Demand): number {
  const least = Math.max(1, Math.min(LEAST, Math.floor(rate.burst / 16)));
  const predicted = (demand.asked / Math.max(demand.elapsedMs, 1)) * AIM_MS;
  const size = Math.min(Math.ceil(predicted), Math.max(least, demand.lastLease * 2), Math.floor(rate.burst * LARGEST_SHARE));
  return Math.min(Math.max(size, least, demand.waiting), rate.burst);
}

/** Whether the next lease should be fetched ahead of need: only for a caller who uses up his leases. */
export function refillsAhead(tokens: number, lastLease: number): boolean {
  return lastLease > LEAST && tokens < lastLease * REFILL_BELOW;
}

/** How long a process leaves a drained bucket alone, given when the next tokens are due. */
export function drainedPause(waitMs: number): number {
  return Math.min(Math.max(waitMs, SOONEST_MS), LATEST_MS);
}
