import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { clusterDown } from '../../../deploy/local/cluster/down.ts';
import { cacheFolder, dataBase, layoutOf } from '../../../deploy/local/cluster/layout.ts';
import { Progress } from '../../../deploy/local/cluster/progress.ts';
import { clusterStatus } from '../../../deploy/local/cluster/status.ts';
import { clusterUp } from '../../../deploy/local/cluster/up.ts';
import { postgresDown, postgresUp } from '../../../deploy/local/postgres.ts';
import { buildRuntimes, type RuntimeImages } from '../../../deploy/runtimes/build.ts';

/** What a platform stands on. */
export interface Ground {
  kubeconfig: string;
  /** `host:port`. */
  registry: string;
  blockedEgress: string;
  runtimeImages: RuntimeImages;
  /** An empty database of the run's own. */
  databaseUrl: string;
}

/** Things to take away at the end, the last one first. */
export class Cleanup {
  readonly #steps: { name: string; work: () => Promise<unknown> }[] = [];

  add(name: string, work: () => Promise<unknown>): void {
    this.#steps.push({ name, work });
  }

  /** Does every step, also when one fails. @returns the failures in words */
  async run(progress: Progress): Promise<string[]> {
    const failures: string[] = [];
    for (const { name, work } of this.#steps.splice(0).reverse()) {
      await progress.step(`taking away: ${name}`, work).catch((error: unknown) => failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`));
    }
    return failures;
  }
}

/** Starts the cluster and the Postgres where none is named by KUBECONFIG and DATABASE_URL; what was started here ends with `cleanup`. */
export async function prepareGround(progress: Progress, cleanup: Cleanup, signal: AbortSignal): Promise<Ground> {
  const [cluster, databaseUrl] = await Promise.all([prepareCluster(progress, cleanup, signal), prepareDatabase(progress, cleanup)]);
  const runtimeImages = await progress.step('runtime images', () => buildRuntimes({ registry: cluster.registry, cacheDir: cacheFolder() }), 10_000);
  return { ...cluster, runtimeImages, databaseUrl };
}

/** For what needs no cluster: the api role alone on a database of the run's own. */
export async function prepareApiGround(progress: Progress, cleanup: Cleanup): Promise<Ground> {
  return { ...groundOf(''), databaseUrl: await prepareDatabase(progress, cleanup) };
}

/** For the operator alone, which needs a cluster and nothing else. */
export function groundOf(kubeconfig: string): Ground {
  const nowhere = 'none';
  return { kubeconfig, registry: '127.0.0.1:1', blockedEgress: '', runtimeImages: { python: nowhere, node: nowhere, go: nowhere, nodeBase: nowhere }, databaseUrl: 'postgres://nowhere' };
}

async function prepareCluster(progress: Progress, cleanup: Cleanup, signal: AbortSignal): Promise<Pick<Ground, 'kubeconfig' | 'registry' | 'blockedEgress'>> {
  if (process.env.KUBECONFIG) {
    const registry = process.env.FNPLANE_REGISTRY;
    if (!registry) throw new Error('with KUBECONFIG, set FNPLANE_REGISTRY=HOST:PORT to a registry that this machine can push to and the cluster can pull from');
    return { kubeconfig: resolve(process.env.KUBECONFIG), registry, blockedEgress: process.env.FNPLANE_BLOCKED_EGRESS ?? '' };
  }
  const ran = existsSync(layoutOf().stateFile) && (await clusterStatus({}).catch(() => ({ healthy: false }))).healthy;
  if (!ran) cleanup.add('the local cluster', () => clusterDown({ quiet: true }));
  const cluster = await progress.step('the local cluster', () => clusterUp({ signal, quiet: ran }), 30_000);
  return { kubeconfig: cluster.kubeconfig, registry: cluster.registry, blockedEgress: [cluster.podCidr, cluster.serviceCidr, `${cluster.nodeIp}/32`].join(',') };
}

async function prepareDatabase(progress: Progress, cleanup: Cleanup): Promise<string> {
  let server = process.env.DATABASE_URL;
  if (!server) {
    const options = { dataDir: join(dataBase(), 'bench-postgres') };
    cleanup.add('Postgres', () => postgresDown(options));
    server = (await progress.step('Postgres', () => postgresUp(options), 4_000)).url;
  }
  const name = `bench_${randomBytes(6).toString('hex')}`;
  await asAdmin(server, `CREATE DATABASE ${name}`);
  cleanup.add('the database', () => asAdmin(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.toString();
}

async function asAdmin(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
