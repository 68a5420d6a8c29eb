import { mkdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { DaemonCommand } from './daemons.ts';
import type { Layout } from './layout.ts';
import { writeWhole } from './state.ts';

/** Debian's docker-registry on loopback, plain http. */
export function registry(layout: Layout, port: number): DaemonCommand {
  const folder = join(layout.data, 'registry');
  mkdirSync(folder, { recursive: true });
  const file = join(layout.config, 'registry.json');
  writeWhole(file, JSON.stringify({
    version: '0.1',
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: folder, maxthreads: 100 }, delete: { enabled: true }, maintenance: { uploadpurging: { enabled: true, age: '1h', interval: '1h', dryrun: false } } },
    http: { addr: `127.0.0.1:${port}` },
  }));
  // It asks its environment for what a cloud's registry would need, and would log each time.
  return { command: 'docker-registry', args: ['serve', file], env: { OTEL_TRACES_EXPORTER: 'none' } };
}

/** Whether a registry answers at the port. */
export async function registryAnswers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = request({ host: '127.0.0.1', port, path: '/v2/', timeout: 1_000 }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode === 200);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(false));
    outgoing.end();
  });
}
