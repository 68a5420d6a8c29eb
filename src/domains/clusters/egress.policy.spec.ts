import { BlockList } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseAddressRange } from '../../platform/network/address-range.policy.js';
import { internetBlocks, parseBlockedEgress } from './egress.policy.js';

/** Whether a packet to `address` would pass, by Node's own arithmetic of ranges. */
function isOpen(address: string, blocked: string[] = []): boolean {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  return internetBlocks(parseBlockedEgress(blocked)).some(({ cidr, except }) => {
    const inside = (ranges: string[]): boolean => {
      const list = new BlockList();
      for (const range of ranges) {
        const [base, prefix] = range.split('/') as [string, string];
        list.addSubnet(base, Number(prefix), base.includes(':') ? 'ipv6' : 'ipv4');
      }
      return list.check(address, family);
    };
    return (cidr.includes(':') ? 'ipv6' : 'ipv4') === family && inside([cidr]) && !inside(except);
  });
}

describe('egress to the internet', () => {
  it.each(['1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '192.0.1.0', '198.17.255.255', '223.255.255.255', '2606:4700::1111', '3fff::1', '2001:4860:4860::8888'])('%s is open', (address) => {
    expect(isOpen(address)).toBe(true);
  });

  it.each([
    '0.1.2.3', '10.0.0.1', '100.64.0.1', '100.127.255.255', '127.0.0.1', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.171', '192.168.1.1', '198.18.0.1', '198.19.255.255',
    '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
    '::1', '::', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'ff02::1', '64:ff9b::a00:1', '::ffff:10.0.0.1', '2002:a00:1::1', '2001:0:a00::1',
  ])('%s is closed', (address) => {
    expect(isOpen(address)).toBe(false);
  });

  it('closes the ranges and addresses that are configured', () => {
    const blocked = ['203.0.113.0/24', '198.51.100.7', '2606:4700::/32'];
    expect(['203.0.113.9', '198.51.100.7', '2606:4700::1111'].map((address) => isOpen(address, blocked))).toEqual([false, false, false]);
    expect(isOpen('198.51.100.8', blocked)).toBe(true);
  });

  it('leaves a family out that is closed as a whole', () => {
    expect(internetBlocks(parseBlockedEgress(['0.0.0.0/0'])).map((block) => block.cidr)).toEqual(['2000::/3']);
    expect(internetBlocks(parseBlockedEgress(['0.0.0.0/0', '::/0']))).toEqual([]);
  });

  it('excepts only what lies strictly inside its range, each once', () => {
    for (const { cidr, except } of internetBlocks(parseBlockedEgress(['10.9.0.0/16', '10.0.0.0/7', 'fd00::/8', '192.0.2.2']))) {
      const prefix = parseAddressRange(cidr)!.prefix;
      for (const inner of except) expect(parseAddressRange(inner)!.prefix).toBeGreaterThan(prefix);
      expect(new Set(except).size).toBe(except.length);
      expect(except).not.toContain('fd00::/8');
    }
  });

  it('refuses to start on an entry it cannot read, and names it', () => {
    expect(() => parseBlockedEgress(['10.0.0.0/8', '10.0.0.0.0/8', 'node-range'])).toThrow(/not one: 10\.0\.0\.0\.0\/8, node-range/);
  });
});
