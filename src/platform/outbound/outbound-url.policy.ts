import { covers, parseAddressRange, type AddressRange } from '../network/address-range.policy.js';
import { isInternetAddress } from '../network/internet.policy.js';
import { addressClosed, urlInvalid } from './outbound-errors.js';

const LONGEST_URL = 2_048;

export interface OutboundRules {
  /** Ranges outside the internet that the platform's operators allow. */
  allowed: readonly AddressRange[];
  /** Ranges that are closed wherever they lie: of nodes, pods and services. What is allowed is not closed. */
  closed?: readonly AddressRange[];
  /** Also `http:`, for tests and networks of one's own. */
  insecure: boolean;
}

/** Whether a resolved address may be connected to. */
export function mayConnect(address: string, { allowed, closed = [] }: Pick<OutboundRules, 'allowed' | 'closed'>): boolean {
  const range = parseAddressRange(address);
  if (range === undefined) return false;
  return allowed.some((open) => covers(open, range)) || (isInternetAddress(address) && !closed.some((shut) => covers(shut, range)));
}

/** The host as a resolver takes it: an IPv6 address without its brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/**
 * Checks all of an address that can be checked without asking anybody: for the moment when a tenant names it. The URL standard
 * has by then turned `127.1`, `0x7f.1` and `2130706433` into the addresses they are.
 * @throws {DomainError} OUTBOUND_URL_INVALID, OUTBOUND_ADDRESS_CLOSED
 */
export function demandOutboundUrl(text: string, rules: OutboundRules): URL {
  if (text.length > LONGEST_URL) throw urlInvalid(`must have at most ${LONGEST_URL} characters`);
  if (!URL.canParse(text)) throw urlInvalid('is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(rules.insecure && url.protocol === 'http:')) throw urlInvalid('must begin with https://');
  if (url.username !== '' || url.password !== '') throw urlInvalid('must not hold a user name or password');
  const host = hostOf(url);
  if (parseAddressRange(host) !== undefined && !mayConnect(host, rules)) throw addressClosed();
  return url;
}
