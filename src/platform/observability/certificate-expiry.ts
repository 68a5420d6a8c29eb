import { X509Certificate } from 'node:crypto';
import { Gauge } from 'prom-client';
import { registry } from './metrics.js';

export interface CertificateUse {
  /** `kubernetes-client`, `kubernetes-authority`: of a kubeconfig; `metrics-api`: what autoscalers' requests are answered with. */
  use: 'kubernetes-client' | 'kubernetes-authority' | 'metrics-api';
  cluster: string;
}

/** Seconds since the epoch, by use, by who holds it: a process may know one cluster by two kubeconfigs. */
const ends = new Map<string, { use: CertificateUse; holders: Map<object, number> }>();

export const certificateExpiry = new Gauge({
  name: 'fnplane_certificate_expiry_timestamp_seconds', help: 'When a certificate that the platform makes or reads ends; of several, the first to end',
  labelNames: ['use', 'cluster'] as const, registers: [registry],
  collect() {
    this.reset();
    for (const { use, holders } of ends.values()) if (holders.size > 0) this.set({ ...use }, Math.min(...holders.values()));
  },
});

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Tells until when a use is certified. @param pem undefined, or without a certificate that can be read: there is none (any more) to watch */
export function noteCertificate(holder: object, use: CertificateUse, pem: string | undefined): void {
  const key = `${use.use}/${use.cluster}`;
  const known = ends.get(key) ?? { use, holders: new Map<object, number>() };
  const found = (pem?.match(PEM) ?? []).map(endOf).filter((end) => end !== undefined);
  if (found.length > 0) known.holders.set(holder, Math.min(...found));
  else known.holders.delete(holder);
  if (known.holders.size > 0) ends.set(key, known);
  else ends.delete(key);
}

function endOf(pem: string): number | undefined {
  try {
    return Date.parse(new X509Certificate(pem).validTo) / 1000;
  } catch {
    return undefined;
  }
}
