import type { Config } from '../config/config.js';
import { parseAddressRanges } from '../network/address-range.policy.js';
import type { OutboundRules } from './outbound-url.policy.js';

/** Where webhooks that tenants name may be. Pure. */
export function outboundRules({ FNPLANE_OUTBOUND_RANGES: allowed, FNPLANE_OUTBOUND_INSECURE: insecure, FNPLANE_BLOCKED_EGRESS: closed }: Pick<Config, 'FNPLANE_OUTBOUND_RANGES' | 'FNPLANE_OUTBOUND_INSECURE' | 'FNPLANE_BLOCKED_EGRESS'>): OutboundRules {
  return { allowed: parseAddressRanges(allowed), closed: parseAddressRanges(closed), insecure };
}
