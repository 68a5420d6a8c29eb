import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Ports } from './state.ts';

const USUAL: Ports = { etcd: 2379, etcdPeer: 2380, apiserver: 6443, kubelet: 10250, proxyHealth: 10256, proxyMetrics: 10249, registry: 5010 };

const NEIGHBOURS = 100;

/** Whether nobody listens on the port: on loopback, or on all addresses. */
export async function isFree(port: number, host = '0.0.0.0'): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** A port free just now, chosen by the kernel. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: '0.0.0.0' }, () => {
      const address = server.address();
      server.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

/** Below the ports that Linux takes for connections' own ends, and below those of Services on nodes. */
const LISTENERS = { from: 20_000, to: 29_999 };
const TRIES = 100;

/**
 * A free port for a listener that ends and comes back: no connection takes it meanwhile for its own end, not even one of the clients that
 * try to reach it there (which Linux connects to themselves).
 */
export async function listenerPort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = randomInt(LISTENERS.from, LISTENERS.to);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports between ${LISTENERS.from} and ${LISTENERS.to} is free`);
}

/** The usual ports where they are free, others where they are taken. Chosen once, then kept in the cluster's state. */
export async function choosePorts(): Promise<Ports> {
  const chosen = new Set<number>();
  const entries: [string, number][] = [];
  for (const [name, usual] of Object.entries(USUAL) as [string, number][]) {
    let port = usual;
    // Its neighbours first: a port of the kernel's choice may be some connection's own end by the next start.
    while (chosen.has(port) || !(await isFree(port))) port = port < usual + NEIGHBOURS ? port + 1 : await freePort();
    chosen.add(port);
    entries.push([name, port]);
  }
  return Object.fromEntries(entries) as unknown as Ports;
}
