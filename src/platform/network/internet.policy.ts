import { covers, parseAddressRange, type AddressRange } from './address-range.policy.js';

function ranges(...texts: string[]): AddressRange[] {
  return texts.map((text) => parseAddressRange(text)!);
}

/** What is not the internet, per RFC 6890: this host, private, CGNAT, loopback, link-local and metadata, protocol and benchmark ranges, multicast, reserved. */
const CLOSED_IPV4 = ranges(
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/4', '240.0.0.0/4',
);

/**
 * All of the IPv6 internet (RFC 4291, IANA): allowing this alone closes loopback, unique local, link-local, multicast, NAT64 and
 * IPv4-mapped addresses without naming them. Inside it Teredo and 6to4 carry IPv4 addresses, private ones too.
 */
const GLOBAL_UNICAST = '2000::/3';
const CLOSED_IPV6 = ranges('2001::/32', '2002::/16');

/** The internet as ranges, each with what is closed inside it: for functions' egress and for the platform's own calls to addresses that tenants name. */
export const INTERNET: readonly { cidr: string; closed: readonly AddressRange[] }[] = [
  { cidr: '0.0.0.0/0', closed: CLOSED_IPV4 },
  { cidr: GLOBAL_UNICAST, closed: CLOSED_IPV6 },
];

/** Whether the text is one IP address of the internet. IPv4-mapped IPv6 addresses are judged as the IPv4 addresses they are. */
export function isInternetAddress(text: string): boolean {
  const address = parseAddressRange(text);
  return address !== undefined && INTERNET.some(({ cidr, closed }) => covers(parseAddressRange(cidr)!, address) && !closed.some((range) => covers(range, address)));
}
