import { beforeAll, describe, expect, it } from 'vitest';
import { selfSigned, type TestCertificate } from '../../../test/support/certificates.js';
import { certificateProblem } from './certificate.policy.js';

describe('a secret for a host\'s certificate', () => {
  let shop: TestCertificate;
  let other: TestCertificate;
  let wild: TestCertificate;
  let old: TestCertificate;
  beforeAll(async () => {
    [shop, other, wild, old] = await Promise.all([selfSigned('www.shop.example'), selfSigned('other.example'), selfSigned('*.shop.example'), selfSigned('www.shop.example', { expired: true })]);
  });
  const problem = (certificate?: string, privateKey?: string): string | undefined => certificateProblem({ ...(certificate === undefined ? {} : { TLS_CERTIFICATE: certificate }), ...(privateKey === undefined ? {} : { TLS_PRIVATE_KEY: privateKey }) }, 'www.shop.example');

  it('can be one for it, for all below its domain, with those above it behind, and one that has expired', () => {
    for (const { certificate, privateKey } of [shop, wild, old, { ...shop, certificate: `${shop.certificate}\n${other.certificate}` }]) expect(problem(certificate, privateKey)).toBeUndefined();
  });

  it('is told what it lacks, in words that hold nothing of it', () => {
    expect(problem(undefined, shop.privateKey)).toBe('has no TLS_CERTIFICATE');
    expect(problem(shop.certificate)).toBe('has no TLS_PRIVATE_KEY');
    expect(problem('nothing', shop.privateKey)).toBe('holds no certificate as PEM in TLS_CERTIFICATE');
    expect(problem('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', shop.privateKey)).toBe('holds no certificate as PEM in TLS_CERTIFICATE');
    expect(problem(shop.certificate, shop.certificate)).toBe('holds no private key as PEM, without a passphrase, in TLS_PRIVATE_KEY');
    expect(problem(shop.certificate, other.privateKey)).toBe('holds a private key that is not its first certificate\'s');
    expect(problem(`${other.certificate}\n${shop.certificate}`, shop.privateKey)).toBe('holds a private key that is not its first certificate\'s');
    expect(problem(other.certificate, other.privateKey)).toBe('holds a certificate that is not for www.shop.example');
  });
});
