import { describe, expect, it } from 'vitest';
import { isInternetAddress } from './internet.policy.js';

describe('an address of the internet', () => {
  it.each(['1.1.1.1', '172.15.255.255', '100.128.0.0', '198.20.0.1', '::ffff:1.1.1.1', '2606:4700::1111', '3fff::1'])('is %s', (address) => {
    expect(isInternetAddress(address)).toBe(true);
  });

  it.each([
    '0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1', '192.0.0.170', '192.168.0.1', '198.18.0.1', '224.0.0.1', '255.255.255.255',
    '::', '::1', '::ffff:127.0.0.1', '::ffff:a00:1', '::7f00:1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fec0::1', 'ff02::1', '64:ff9b::7f00:1', '2002:7f00:1::1', '2001:0:7f00:1::1',
    '', 'localhost', '127.1', '2130706433', '0x7f000001', '010.0.0.1', 'fe80::1%eth0',
  ])('is not %j', (address) => {
    expect(isInternetAddress(address)).toBe(false);
  });
});
