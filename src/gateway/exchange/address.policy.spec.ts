import { describe, expect, it } from 'vitest';
import { readAddress } from './address.policy.js';

describe('readAddress by path', () => {
  it.each([
    ['/shop/orders', 'shop/orders', '/'],
    ['/shop/orders/', 'shop/orders', '/'],
    ['/shop/orders?x=1', 'shop/orders', '/?x=1'],
    ['/shop/orders/a/b?x=1&y=/../z', 'shop/orders', '/a/b?x=1&y=/../z'],
    ['/shop/orders//double', 'shop/orders', '//double'],
    ['/shop/orders/.well-known/x', 'shop/orders', '/.well-known/x'],
    ['/shop/orders/a..b/...', 'shop/orders', '/a..b/...'],
    ['/shop/orders/a%2Fb%20c', 'shop/orders', '/a%2Fb%20c'],
    ['http://other.test:80/shop/orders/x', 'shop/orders', '/x'],
  ])('%s', (target, key, path) => {
    expect(readAddress(target, 'gateway', undefined)).toEqual({ key, path });
  });

  it.each(['/', '/shop', '/shop/', '//orders', '/shop//x', '/?x', '/shop?x=/orders', 'http://gateway.test'])('%s names nothing', (target) => {
    expect(readAddress(target, 'gateway', undefined)).toBe('unknown');
  });

  it.each([
    '/shop/orders/../admin', '/shop/orders/..', '/shop/orders/./x', '/shop/orders/%2e%2e/admin', '/shop/orders/.%2E/x', '/shop/orders/..%2fadmin',
    '/shop/orders/%2e%2e%2fadmin', '/shop/orders/a%2f..%2fb', '/shop/orders/..%5cadmin', '/shop/orders\\..\\admin', '/shop/orders/%5c', '/shop/../other/f',
    '/shop/orders/%00', '/shop/orders/%0d%0aX: y', '/shop/orders/%zz', '/shop/orders/%', '/shop/orders/%2', '/shop/orders/#frag', '/shop/orders/\u00e9',
    '/shop/orders?a\u0000', '*', 'shop/orders', 'ftp://x/shop/orders', 'gateway:443',
  ])('%s is refused', (target) => {
    expect(readAddress(target, 'gateway', undefined)).toBe('malformed');
  });
});

describe('readAddress by host', () => {
  const read = (host: string, target = '/a?b'): unknown => readAddress(target, host, '.fn.example');

  it.each(['orders.shop.fn.example', 'ORDERS.shop.FN.example', 'orders.shop.fn.example:8443'])('%s', (host) => {
    expect(read(host)).toEqual({ key: 'shop/orders', path: '/a?b' });
  });

  it('takes the whole path as the function\'s', () => {
    expect(read('orders.shop.fn.example', '/other/function')).toEqual({ key: 'shop/orders', path: '/other/function' });
  });

  it.each(['shop.fn.example', 'a.b.c.fn.example', '.shop.fn.example', 'orders..fn.example'])('%s names nothing', (host) => {
    expect(read(host)).toBe('unknown');
  });

  it.each(['fn.example', 'gateway', 'orders.shop.fn.example.evil.test', 'xfn.example', '[::1]:80'])('%s is addressed by path', (host) => {
    expect(read(host, '/t/f/x')).toEqual({ key: 't/f', path: '/x' });
  });

  it('prefers the host of an absolute target, as RFC 9112 3.2.2 demands', () => {
    expect(read('gateway', 'http://orders.shop.fn.example/x')).toEqual({ key: 'shop/orders', path: '/x' });
  });
});
