import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The checkout this file belongs to. */
export const checkout = resolve(import.meta.dirname, '../../..');

/** Base of all data folders: `FNPLANE_DATA`, or `.data` in the checkout. */
export function dataBase(): string {
  return resolve(process.env['FNPLANE_DATA'] ?? join(checkout, '.data'));
}

/** What is slow to make and the same for every run: `FNPLANE_CACHE`, or `~/.cache/fnplane`. */
export function cacheFolder(): string {
  return resolve(process.env['FNPLANE_CACHE'] ?? join(homedir(), '.cache/fnplane'));
}

/** Where everything of one local cluster lies. */
export interface Layout {
  readonly data: string;
  readonly cache: string;
  /** Sockets: their paths may be no longer than 107 bytes, which a data folder cannot promise. */
  readonly run: string;
  readonly logs: string;
  readonly pki: string;
  readonly config: string;
  readonly kubeconfig: string;
  readonly stateFile: string;
  readonly containerdSocket: string;
  readonly policySocket: string;
}

/** @param data the cluster's data folder; by default `<data base>/cluster` */
export function layoutOf(data: string = join(dataBase(), 'cluster')): Layout {
  const folder = resolve(data);
  const run = join('/run/fnplane', createHash('sha256').update(folder).digest('hex').slice(0, 12));
  return {
    data: folder,
    cache: cacheFolder(),
    run,
    logs: join(folder, 'logs'),
    pki: join(folder, 'pki'),
    config: join(folder, 'config'),
    kubeconfig: join(folder, 'admin.kubeconfig'),
    stateFile: join(folder, 'state.json'),
    containerdSocket: join(run, 'containerd.sock'),
    policySocket: join(run, 'policy.sock'),
  };
}
