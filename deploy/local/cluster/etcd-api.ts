import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

const TIMEOUT_MS = 5_000;

/** Has etcd forget every version but the present one: who watches from an earlier one must list anew. By etcd's own API, in JSON. */
export async function compactEtcd(layout: Layout, port: number): Promise<void> {
  const { header } = await call<{ header: { revision: string } }>(layout, port, '/v3/maintenance/status', {});
  await call(layout, port, '/v3/kv/compaction', { revision: header.revision, physical: true });
}

/** @throws on any status but 200 and after 5 s */
async function call<T>({ pki }: Layout, port: number, path: string, body: object): Promise<T> {
  const file = (name: string) => readFileSync(join(pki, name));
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method: 'POST', timeout: TIMEOUT_MS, agent: false, ca: file('etcd-ca.crt'), cert: file('etcd-client.crt'), key: file('etcd-client.key') });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`etcd ${path}: no answer within ${TIMEOUT_MS / 1_000} s`)));
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject).on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (incoming.statusCode === 200) resolve(JSON.parse(text) as T);
        else reject(new Error(`etcd ${path}: ${incoming.statusCode} ${text.slice(0, 300)}`));
      });
    });
    outgoing.end(JSON.stringify(body));
  });
}
