import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { CERTIFICATE_KEYS } from '../../contract/triggers.js';

const FIRST = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/;

/**
 * Why a secret cannot serve as a host's certificate; undefined where it can. That it has expired is no reason: the way in shows it all the same, and
 * whoever deploys a function meanwhile must not be stopped by it. Nothing of the secret stands in the words. Pure.
 */
export function certificateProblem(data: Readonly<Record<string, string>>, host: string): string | undefined {
  const { [CERTIFICATE_KEYS.certificate]: chain, [CERTIFICATE_KEYS.privateKey]: key } = data;
  if (chain === undefined || key === undefined) return `has no ${chain === undefined ? CERTIFICATE_KEYS.certificate : CERTIFICATE_KEYS.privateKey}`;
  const certificate = readCertificate(chain);
  if (!certificate) return `holds no certificate as PEM in ${CERTIFICATE_KEYS.certificate}`;
  const privateKey = readKey(key);
  if (!privateKey) return `holds no private key as PEM, without a passphrase, in ${CERTIFICATE_KEYS.privateKey}`;
  if (!certificate.checkPrivateKey(privateKey)) return `holds a private key that is not its first certificate's`;
  return certificate.checkHost(host) === undefined ? `holds a certificate that is not for ${host}` : undefined;
}

function readCertificate(text: string): X509Certificate | undefined {
  const [first] = FIRST.exec(text) ?? [];
  try {
    return first === undefined ? undefined : new X509Certificate(first);
  } catch {
    return undefined;
  }
}

function readKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}
