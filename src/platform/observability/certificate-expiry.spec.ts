import { afterEach, expect, test } from 'vitest';
import { makeAuthority } from '../../operator/metrics-api/certificates.js';
import { certificateExpiry, noteCertificate } from './certificate-expiry.js';

const [first, second] = [{}, {}];
const USE = { use: 'kubernetes-client', cluster: 'certified' } as const;
const DAY = 86_400_000;

afterEach(() => {
  for (const holder of [first, second]) noteCertificate(holder, USE, undefined);
});

const pem = async (days: number): Promise<string> => (await makeAuthority('a', days * DAY)).certificate.toString('pem');
const days = async (): Promise<number[]> => (await certificateExpiry.get()).values.filter(({ labels }) => labels.cluster === 'certified').map(({ value }) => Math.round((value * 1000 - Date.now()) / DAY));

test('the first of several to end counts, in one file and over all who hold one', async () => {
  noteCertificate(first, USE, `${await pem(30)}\n${await pem(20)}`);
  expect(await days()).toEqual([20]);
  noteCertificate(second, USE, await pem(5));
  expect(await days()).toEqual([5]);
  noteCertificate(second, USE, await pem(90));
  expect(await days()).toEqual([20]);
});

test('what is not held any more, and what is no certificate, is not shown', async () => {
  noteCertificate(first, USE, await pem(30));
  noteCertificate(first, USE, '-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----');
  expect(await days()).toEqual([]);
});
