import type { Config } from '../config/config.js';
import { parseAddressRange, type AddressRange } from '../network/address-range.policy.js';
import type { OutboundRules } from './outbound-url.policy.js';

/** Where webhooks that tenants name may be. Pure. */
export function outboundRules({ FNPLANE_OUTBOUND_RANGES: allowed, FNPLANE_OUTBOUND_INSECURE: insecure, FNPLANE_BLOCKED_EGRESS: closed }: Pick<Config, 'FNPLANE_OUTBOUND_RANGES' | 'FNPLANE_OUTBOUND_INSECURE' | 'FNPLANE_BLOCKED_EGRESS'>): OutboundRules {
  return { allowed: rangesOf(allowed), closed: rangesOf(closed), insecure };
}

function rangesOf(texts: readonly string[]): AddressRange[] {
  return texts.flatMap((text) => parseAddressRange(text) ?? []);
}
