import { ConfigurationError } from '../../platform/config/config.js';
import { covers, formatAddressRange, minimalRanges, parseAddressRange, type AddressRange } from '../../platform/network/address-range.policy.js';
import { INTERNET } from '../../platform/network/internet.policy.js';

/** Destinations a function may reach: a range of the internet without what is closed in it. As in a NetworkPolicy's `ipBlock`. */
export interface InternetBlock {
  cidr: string;
  except: string[];
}

/**
 * The internet without what is always closed and without `blocked` (nodes, pods, services, API server). A block that closes a
 * whole root leaves that root out; Kubernetes demands that an exception lies strictly inside its range.
 */
export function internetBlocks(blocked: readonly AddressRange[]): InternetBlock[] {
  return INTERNET.flatMap(({ cidr, closed }) => {
    const root = parseAddressRange(cidr)!;
    if (blocked.some((range) => covers(range, root))) return [];
    const inside = [...closed, ...blocked].filter((range) => covers(root, range));
    return [{ cidr, except: minimalRanges(inside).map(formatAddressRange) }];
  });
}

/** @throws {ConfigurationError} for an entry that is neither an address nor a range: a typing error must not open what it meant to close. */
export function parseBlockedEgress(entries: readonly string[]): AddressRange[] {
  const wrong = entries.filter((entry) => !parseAddressRange(entry));
  if (wrong.length > 0) throw new ConfigurationError(`fnplane cannot start:\n  - FNPLANE_BLOCKED_EGRESS must hold IP addresses and ranges like 10.0.0.0/8; not one: ${wrong.join(', ')}`);
  return minimalRanges(entries.map((entry) => parseAddressRange(entry)!));
}
