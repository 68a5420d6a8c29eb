import type { Config } from '../config/config.js';
import { parseAddressRanges } from '../network/address-range.policy.js';
import type { OutboundRules } from '../outbound/outbound-url.policy.js';

/** Where brokers that tenants name may be. Pure. */
export function brokerRules({ FNPLANE_BROKER_RANGES: allowed, FNPLANE_BLOCKED_EGRESS: closed }: Pick<Config, 'FNPLANE_BROKER_RANGES' | 'FNPLANE_BLOCKED_EGRESS'>): Required<Pick<OutboundRules, 'allowed' | 'closed'>> {
  return { allowed: parseAddressRanges(allowed), closed: parseAddressRanges(closed) };
}
