import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { loadConfig, type TrustedIssuer } from './config.js';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [pair.publicKey.export({ format: 'jwk' })] };
const base = { issuer: 'https://login.test', audience: 'fnplane' };

function load(...issuers: object[]): TrustedIssuer[] | undefined {
  return loadConfig({ FNPLANE_ROLES: 'gateway', FNPLANE_INTERNAL_SECRET: 'x'.repeat(32), FNPLANE_ISSUERS: JSON.stringify(issuers) }).FNPLANE_ISSUERS;
}

describe('trusted issuers', () => {
  it.each([
    ['by discovery', { discovery: true }], ['by the address of their keys', { jwksUri: 'https://login.test/jwks' }], ['by their keys', { jwks }],
    ['on this machine', { issuer: 'http://127.0.0.1:9000', discovery: true }], ['with claims', { discovery: true, platformRolesClaim: 'roles', emailClaim: 'email' }],
  ])('are told %s', (_name, how) => {
    expect(load({ ...base, ...how })).toMatchObject([{ algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'] }]);
  });

  it.each([
    ['no source of keys', {}], ['discovery switched off and nothing else', { discovery: false }], ['two sources of keys', { discovery: true, jwks }], ['two others', { jwksUri: 'https://login.test/jwks', jwks }],
    ['keys fetched without TLS', { jwksUri: 'http://login.test/jwks' }], ['discovery without TLS', { issuer: 'http://login.test', discovery: true }], ['discovery at no address', { issuer: 'login', discovery: true }],
    ['keys in a file', { jwksUri: 'file:///etc/jwks' }], ['a private key', { jwks: { keys: [pair.privateKey.export({ format: 'jwk' })] } }], ['a shared secret', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['HS256', { jwks, algorithms: ['HS256'] }], ['none', { jwks, algorithms: ['none'] }], ['no algorithm', { jwks, algorithms: [] }], ['no audience', { jwks, audience: '' }], ['a misspelt setting', { jwks, audiences: ['x'] }],
  ])('are refused with %s', (_name, how) => {
    expect(() => load({ ...base, ...how })).toThrow(/FNPLANE_ISSUERS/);
  });

  it('are refused when one is named twice', () => {
    expect(() => load({ ...base, jwks }, { ...base, discovery: true })).toThrow(/names an issuer twice/);
    expect(load({ ...base, jwks }, { ...base, issuer: 'https://other.test', discovery: true })).toHaveLength(2);
  });
});
