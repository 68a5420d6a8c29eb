import { describe, expect, it } from 'vitest';
import { parseAddressRange } from './address-range.policy.js';
import { forwardedAddress } from './forwarded-address.policy.js';

const TRUSTED = ['10.0.0.0/8', '::1'].map((text) => parseAddressRange(text)!);

describe('the address a request comes from', () => {
  it.each([
    ['192.0.2.1', undefined, '192.0.2.1'],
    ['192.0.2.1', '198.51.100.7', '192.0.2.1'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['10.0.0.1', '203.0.113.9, 198.51.100.7, 10.2.3.4', '198.51.100.7'],
    ['::ffff:10.0.0.1', '198.51.100.7', '198.51.100.7'],
    ['::1', ' , 2001:db8::1', '2001:db8::1'],
    ['10.0.0.1', '10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', 'nonsense', 'nonsense'],
  ])('%s, %s', (peer, forwarded, expected) => {
    expect(forwardedAddress(peer, forwarded, TRUSTED)).toBe(expected);
  });
});
