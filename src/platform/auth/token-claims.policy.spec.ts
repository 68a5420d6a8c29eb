import { describe, expect, it } from 'vitest';
import { normaliseEmail } from './email.policy.js';
import { readClaims } from './token-claims.policy.js';

const settings = { issuer: 'https://login.test', platformRolesClaim: 'roles', emailClaim: 'email' };
const read = (claims: Record<string, unknown>, changes: object = {}) => readClaims({ exp: 2_000_000_000, sub: 'ada', ...claims }, { ...settings, ...changes });

describe('the claims of a token', () => {
  it('give roles and a verified address', () => {
    expect(read({ roles: ['operator', 'king'], email: 'Ada@Example.COM', email_verified: true })).toEqual({ issuer: 'https://login.test', subject: 'ada', expiresAt: 2_000_000_000_000, platformRoles: ['operator'], email: 'ada@example.com' });
  });

  it.each([
    ['is not verified', { email: 'ada@example.com', email_verified: false }], ['is verified in words only', { email: 'ada@example.com', email_verified: 'true' }], ['is verified as a number', { email: 'ada@example.com', email_verified: 1 }],
    ['nobody speaks of', { email: 'ada@example.com' }], ['is a list', { email: ['ada@example.com'], email_verified: true }], ['is none', { email: 'ada', email_verified: true }],
  ])('give no address that %s', (_name, claims) => {
    expect(read(claims)).not.toHaveProperty('email');
  });

  it('give no address and no roles where the issuer is not trusted with them', () => {
    expect(read({ email: 'ada@example.com', email_verified: true, roles: ['operator'] }, { emailClaim: undefined, platformRolesClaim: undefined })).toEqual({ issuer: 'https://login.test', subject: 'ada', expiresAt: 2_000_000_000_000, platformRoles: [] });
  });
});

describe('addresses', () => {
  it.each(['ada@example.com', 'a.b+c_d@sub.example.co', `${'a'.repeat(64)}@example.com`, 'o\'neil@example.com', 'ada@xn--bcher-kva.example'])('%s is one', (text) => {
    expect(normaliseEmail(text)).toBe(text);
  });

  it.each(['', 'ada', '@example.com', 'ada@', 'ada@localhost', 'ada@@example.com', 'ada@example..com', 'ada@-example.com', 'ada@example.com.', ' ada@example.com', 'ada@example.com\n', 'ada <ada@example.com>', 'ada@example.com,eve@example.com',
    'ad\u0131n@example.com', 'ada@exam\u212Ale.com', `${'a'.repeat(65)}@example.com`, `a@${'b.'.repeat(130)}com`, '"a b"@example.com', 'ada\u0000@example.com'])('%j is none', (text) => {
    expect(normaliseEmail(text)).toBeUndefined();
  });

  it('are the same in every case', () => {
    expect(normaliseEmail('ADA@Example.Com')).toBe(normaliseEmail('ada@eXAMPLE.com'));
  });
});
