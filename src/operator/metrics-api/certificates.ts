import 'reflect-metadata';
import { webcrypto, X509Certificate as NodeCertificate } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension, BasicConstraintsExtension, cryptoProvider, ExtendedKeyUsage, ExtendedKeyUsageExtension, KeyUsageFlags, KeyUsagesExtension,
  PemConverter, SubjectAlternativeNameExtension, SubjectKeyIdentifierExtension, X509CertificateGenerator, type X509Certificate,
} from '@peculiar/x509';

cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Clocks of a cluster's machines differ. */
const SKEW_MS = 10 * 60_000;

export interface Certified {
  certificate: X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}

/** What a TLS server needs, and what its callers must trust. PEM. */
export interface ServingCertificate {
  authority: string;
  certificate: string;
  key: string;
  /** Unix time in ms. */
  notAfter: number;
}

export interface ServingCertificateInput {
  dnsNames: readonly string[];
  addresses: readonly string[];
  lifetimeMs: number;
}

/** A certificate by an authority of its own, whose key is thrown away: nothing else will ever be signed by it. */
export async function makeServingCertificate(input: ServingCertificateInput): Promise<ServingCertificate> {
  const authority = await makeAuthority('fnplane metrics', input.lifetimeMs);
  const { certificate, keys } = await issueCertificate(authority, { ...input, name: input.dnsNames[0] ?? '', usage: ExtendedKeyUsage.serverAuth });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    authority: authority.certificate.toString('pem'),
    certificate: certificate.toString('pem'),
    key: PemConverter.encode(key, 'PRIVATE KEY'),
    notAfter: Date.parse(new NodeCertificate(certificate.toString('pem')).validTo),
  };
}

export async function makeAuthority(name: string, lifetimeMs: number): Promise<Certified> {
  const keys = await makeKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(lifetimeMs), name: [{ CN: [name] }], keys, signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

export async function issueCertificate(
  authority: Certified, { name, dnsNames, addresses, usage, lifetimeMs }: ServingCertificateInput & { name: string; usage: ExtendedKeyUsage },
): Promise<Certified> {
  const keys = await makeKeys();
  const names = [...dnsNames.map((value) => ({ type: 'dns' as const, value })), ...addresses.map((value) => ({ type: 'ip' as const, value }))];
  const certificate = await X509CertificateGenerator.create({
    ...validity(lifetimeMs), subject: [{ CN: [name] }], issuer: authority.certificate.subject, publicKey: keys.publicKey, signingKey: authority.keys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([usage]),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
      await AuthorityKeyIdentifierExtension.create(authority.certificate),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey({ name: ALGORITHM.name, namedCurve: ALGORITHM.namedCurve }, true, ['sign', 'verify']);
}

function validity(lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(Date.now() - SKEW_MS), notAfter: new Date(Date.now() + lifetimeMs) };
}
