import { networkInterfaces } from 'node:os';

/** Where the API server, which runs on this machine, reaches it. */
export function ownAddress(): string {
  const found = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses).find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!found) throw new Error('this machine has no address but loopback');
  return found.address;
}
