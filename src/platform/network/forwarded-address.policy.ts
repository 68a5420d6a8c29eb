import { covers, parseAddressRange, type AddressRange } from './address-range.policy.js';

/**
 * Whose request it is: the address of the connection, or, while that is a proxy's that is trusted, the one before it in X-Forwarded-For.
 */
export function forwardedAddress(peer: string, forwardedFor: string | undefined, trusted: readonly AddressRange[]): string {
  const before = (forwardedFor ?? '').split(',').map((part) => part.trim()).filter((part) => part !== '');
  let address = peer;
  while (before.length > 0 && isTrusted(address, trusted)) address = before.pop()!;
  return address;
}

function isTrusted(address: string, trusted: readonly AddressRange[]): boolean {
  const range = parseAddressRange(address);
  return range !== undefined && trusted.some((one) => covers(one, range));
}
