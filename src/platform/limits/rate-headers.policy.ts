import type { Rate } from './rate.policy.js';

/** Fields of draft-ietf-httpapi-ratelimit-headers-10: lists of a policy's name with parameters. */
export const POLICY_HEADER = 'ratelimit-policy';
export const STANDING_HEADER = 'ratelimit';

/** `"principal";q=500;w=10`: 500 in 10 seconds, which is also how long an empty bucket takes to fill. */
export function policyItem(name: string, rate: Rate): string {
  return `"${name}";q=${rate.burst};w=${Math.max(1, Math.ceil(rate.burst / rate.perSecond))}`;
}

/** `"principal";r=120;t=8`: 120 left, all of them there again in 8 seconds. */
export function standingItem(name: string, remaining: number, resetSeconds: number): string {
  return `"${name}";r=${remaining};t=${resetSeconds}`;
}
