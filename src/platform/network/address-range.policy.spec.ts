import { describe, expect, it } from 'vitest';
import { covers, formatAddressRange, minimalRanges, parseAddressRange } from './address-range.policy.js';

const range = (text: string) => parseAddressRange(text)!;

describe('address ranges', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['192.0.2.2', '192.0.2.2/32'],
    [' 0.0.0.0/0 ', '0.0.0.0/0'],
    ['2001:DB8:0:0::1/32', '2001:db8::/32'],
    ['fd00::1', 'fd00::1/128'],
    ['::/0', '::/0'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8/128'],
    ['::ffff:10.0.0.0/104', '10.0.0.0/8'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221/128'],
  ])('reads %j as %s', (text, expected) => {
    expect(formatAddressRange(range(text))).toBe(expected);
  });

  it.each(['', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/8/9', 'fe80::1%eth0', '10.0.0.0/-1', '10.0.0.0/', 'localhost', '01.2.3.4', '1.2.3.256', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '12345::', ':1', '::1.2.3', ':::', '1:2:3:4::5:6:7:8', '10.0.0.0/8, 11.0.0.0/8'])('takes %j for none', (text) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });

  it.each([
    ['10.0.0.0/8', '10.255.0.0/16', true],
    ['10.0.0.0/8', '10.0.0.0/8', true],
    ['10.0.0.0/16', '10.0.0.0/8', false],
    ['10.0.0.0/8', '11.0.0.0/16', false],
    ['0.0.0.0/0', '2001:db8::/32', false],
    ['2000::/3', '3fff::/20', true],
    ['2000::/3', 'fc00::/7', false],
  ])('%s covers %s: %s', (outer, inner, expected) => {
    expect(covers(range(outer), range(inner))).toBe(expected);
  });

  it('drops what lies in another range and sorts the rest', () => {
    const minimal = minimalRanges(['192.168.0.0/16', '10.1.0.0/16', 'fd00::/8', '10.0.0.0/8', '10.0.0.0/8', '9.9.9.9'].map(range));
    expect(minimal.map(formatAddressRange)).toEqual(['9.9.9.9/32', '10.0.0.0/8', '192.168.0.0/16', 'fd00::/8']);
  });
});
