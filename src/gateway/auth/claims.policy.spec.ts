import { describe, expect, test } from 'vitest';
import type { RequiredClaim } from '../../contract/triggers.js';
import { meetsClaims } from './claims.policy.js';

describe('claims that a token must have', () => {
  const claims = { sub: 'ada', scope: 'orders:read orders:write', roles: ['clerk', 7], level: 3, email_verified: true, title: 'head clerk', address: { town: 'Ghent' }, none: null };
  test.each<[string, RequiredClaim[], boolean]>([
    ['none', [], true],
    ['one, with one of the values', [{ name: 'sub', values: ['bob', 'ada'] }], true],
    ['one, with another value', [{ name: 'sub', values: ['bob'] }], false],
    ['a word of the scope', [{ name: 'scope', values: ['orders:write'] }], true],
    ['no part of a word', [{ name: 'scope', values: ['orders'] }], false],
    ['the whole of another text, not its words', [{ name: 'title', values: ['clerk'] }], false],
    ['one of a list', [{ name: 'roles', values: ['clerk'] }], true],
    ['a number in a list', [{ name: 'roles', values: ['7'] }], true],
    ['a number', [{ name: 'level', values: ['3'] }], true],
    ['a truth value', [{ name: 'email_verified', values: ['true'] }], true],
    ['two, both met', [{ name: 'sub', values: ['ada'] }, { name: 'level', values: ['3'] }], true],
    ['two, one met', [{ name: 'sub', values: ['ada'] }, { name: 'level', values: ['4'] }], false],
    ['one that is not there', [{ name: 'tenant', values: ['undefined', ''] }], false],
    ['an object', [{ name: 'address', values: ['[object Object]'] }], false],
    ['null', [{ name: 'none', values: ['null'] }], false],
    ['what every object has', [{ name: 'constructor', values: ['Object'] }], false],
  ])('%s', (_, required, expected) => {
    expect(meetsClaims(claims, required)).toBe(expected);
  });
});
