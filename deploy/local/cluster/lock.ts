import { connect, createServer, type Server } from 'node:net';
import { waitFor } from './wait.ts';

/**
 * Takes a lock by listening on an abstract socket: the kernel gives it to one process alone, and back when that one dies.
 * @param name unique on the machine
 * @returns the function that gives it back
 * @throws when another process still holds it at the deadline
 */
export async function takeLock(name: string, deadlineMs: number, onWait?: (holder: string) => void): Promise<() => void> {
  const path = `\0fnplane-lock-${name}`;
  let told = false;
  const server = await waitFor(`the lock "${name}"`, async () => {
    const mine = await listen(path);
    if (!mine && !told && onWait) {
      told = true;
      onWait(await holderOf(path));
    }
    return mine;
  }, { deadlineMs, intervalMs: 100 });
  return () => void server.close();
}

async function listen(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end(String(process.pid)));
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen({ path }, () => {
      server.unref();
      resolve(server);
    });
  });
}

async function holderOf(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => resolve(`process ${chunk.toString()}`));
    socket.on('error', () => resolve('another process'));
    socket.on('close', () => resolve('another process'));
  });
}
