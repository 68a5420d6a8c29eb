import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { cryptoProvider, PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } from '@peculiar/x509';

cryptoProvider.set(webcrypto);

/** A certificate that signed itself and its private key, as PEM. */
export interface TestCertificate {
  certificate: string;
  privateKey: string;
}

/** For one host. @param expired ended yesterday. */
export async function selfSigned(host: string, { expired = false } = {}): Promise<TestCertificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const day = 24 * 60 * 60_000;
  const made = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${host}`, keys, signingAlgorithm: algorithm, notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() + (expired ? -day : day)),
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: host }])],
  });
  return { certificate: made.toString('pem'), privateKey: PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY') };
}
