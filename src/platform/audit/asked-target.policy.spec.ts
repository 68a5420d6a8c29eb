import { describe, expect, it } from 'vitest';
import { askedTarget, askedTenant } from './asked-target.policy.js';

const ID = '0a000000-0000-4000-8000-00000000000a';

describe('the target of a refused change', () => {
  it.each([
    ['function', { params: { tenant: 'shop', function: 'hello' }, fields: { name: 'other' } }, { id: '', name: 'hello' }],
    ['function', { params: { tenant: 'shop', function: ID }, fields: {} }, { id: ID, name: '' }],
    ['function', { params: { tenant: 'shop' }, fields: { name: 'fresh', source: { inline: { a: 'secret' } } } }, { id: '', name: 'fresh' }],
    ['function', { params: {}, fields: { tenant: 'shop', function: { name: 'hello' } } }, { id: '', name: 'hello' }],
    ['function', { params: {}, fields: { tenant: 'shop', function: 'hello', change: {} } }, { id: '', name: 'hello' }],
    ['api-key', { params: {}, fields: { tenant: 'shop', apiKey: ID } }, { id: ID, name: '' }],
    ['member', { params: { tenant: 'shop' }, fields: { issuer: 'i', subject: 'kim', role: 'owner' } }, { id: '', name: 'kim' }],
    ['secret', { params: {}, fields: { tenant: 'shop', name: 'db', data: { PASSWORD: 'x' } } }, { id: '', name: 'db' }],
    ['quota', { params: { tenant: 'shop' }, fields: { overrides: {} } }, { id: '', name: 'shop' }],
    ['tenant', { params: { tenant: 'shop' }, fields: { displayName: 'x', name: 'y' } }, { id: '', name: 'shop' }],
    ['tenant', { params: {}, fields: { tenant: { name: 'fresh' } } }, { id: '', name: 'fresh' }],
    ['tenant', { params: {}, fields: {} }, { id: '', name: '' }],
    ['code', { params: { tenant: 'shop', digest: 'ab'.repeat(32) }, fields: {} }, { id: '', name: 'ab'.repeat(32) }],
  ])('%s of %j', (kind, asked, expected) => {
    expect(askedTarget(kind, asked)).toEqual({ kind, ...expected });
  });

  it('is the tenant itself where that cannot be seen', () => {
    expect(askedTenant({ params: { tenant: 'hidden', function: 'hello' }, fields: {} })).toEqual({ kind: 'tenant', id: '', name: 'hidden' });
  });

  it('holds no credential, no control characters, and not more than a name', () => {
    const key = `fnp_0123456789ab_${'A'.repeat(43)}`;
    const name = (reference: string): string => askedTarget('api-key', { params: { apiKey: reference }, fields: {} }).name;
    expect(name(key)).toBe('[redacted]');
    expect(name(`x ${key}`)).toBe('x [redacted]');
    expect(name('eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln')).toBe('[redacted]');
    expect(name('a\u0000b\nc')).toBe('abc');
    expect(name('x'.repeat(5000))).toHaveLength(128);
    expect(askedTarget('api-key', { params: {}, fields: { apiKey: { name: 7 }, name: ['x'] } }).name).toBe('');
  });
});
