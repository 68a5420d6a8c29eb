import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A process we started. Its start time tells it from a later one that was given the same id. */
export interface ProcessRecord {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string;
  readonly bootId: string;
}

export interface Ports {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly apiserver: number;
  readonly kubelet: number;
  readonly proxyHealth: number;
  readonly proxyMetrics: number;
  readonly registry: number;
}

/** What a cluster must remember to be adopted, repaired and taken away. Written before the thing it tells of is made. */
export interface ClusterState {
  ports?: Ports;
  nodeIp?: string;
  /** The machine's settings before we changed them. */
  sysctls: Record<string, string>;
  processes: Record<string, ProcessRecord>;
  /** Folders outside the data folder that were absent before us. */
  createdFolders: string[];
}

export function readState(file: string): ClusterState {
  const empty: ClusterState = { sysctls: {}, processes: {}, createdFolders: [] };
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return empty;
    throw error;
  }
  return { ...empty, ...(JSON.parse(text) as Partial<ClusterState>) };
}

export function writeState(file: string, state: ClusterState): void {
  writeWhole(file, `${JSON.stringify(state, null, 2)}\n`, 0o600);
}

/** Writes so that a reader sees the old text or the new one, never a part. */
export function writeWhole(file: string, text: string | Buffer, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.new`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}
