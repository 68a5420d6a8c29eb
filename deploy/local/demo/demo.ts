import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildRuntimes } from '../../runtimes/build.ts';
import { clusterDown } from '../cluster/down.ts';
import { cacheFolder, dataBase } from '../cluster/layout.ts';
import { CLUSTER_PACKAGES, ensurePackages, IMAGE_PACKAGES } from '../cluster/packages.ts';
import { Progress } from '../cluster/progress.ts';
import { clusterUp } from '../cluster/up.ts';
import { postgresDown, postgresUp } from '../postgres.ts';
import { warmBuilds } from '../warm-builds.ts';
import { mintDemoToken, OPERATOR_SUBJECT, platformAddresses, startPlatform, stopPlatform, type PlatformAddresses } from './platform.ts';
import { Recorder, round } from './recorder.ts';
import { removeTenants, Scenario } from './scenario.ts';

const USAGE = `usage: npm run demo -- [--down] [--json FILE]

  sets up what is missing, runs the main job once, leaves the platform up
  --down       ends it and removes all that it made
  --json FILE  also writes what it did, with durations
`;

const DATA = join(dataBase(), 'demo');
const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));

interface Grounds {
  kubeconfig: string;
  registry: string;
  blockedEgress: string[];
  nodeAddress?: string | undefined;
  gatewayKubeconfig?: string | undefined;
  databaseUrl: string;
}

/** What the platform stands on: a cluster with a registry, a Postgres, a compiler's cache. All start at once. */
async function prepare(recorder: Recorder, signal: AbortSignal): Promise<Grounds> {
  await ensurePackages(new Progress(), { ...CLUSTER_PACKAGES, ...IMAGE_PACKAGES });
  const [cluster, databaseUrl] = await Promise.all([
    recorder.step(process.env.KUBECONFIG ? 'the cluster of KUBECONFIG' : 'the local Kubernetes cluster', () => ensureCluster(signal)),
    recorder.step(process.env.DATABASE_URL ? 'the Postgres of DATABASE_URL' : 'the embedded Postgres', ensurePostgres),
    recorder.step('the compiled standard library for functions in Go', () => warmFresh(signal)),
  ]);
  return { ...cluster, databaseUrl };
}

/** Only while no platform runs: the folder of builds belongs to its worker. */
async function warmFresh(signal: AbortSignal): Promise<void> {
  if (!platformAddresses(DATA)) await warmBuilds(join(cacheFolder(), 'builds'), signal);
}

async function ensureCluster(signal: AbortSignal): Promise<Omit<Grounds, 'databaseUrl'>> {
  if (process.env.KUBECONFIG) {
    const registry = process.env.FNPLANE_REGISTRY;
    if (!registry) throw new Error('with KUBECONFIG, set FNPLANE_REGISTRY=HOST:PORT to a registry that this machine can push to and the cluster can pull from');
    return { kubeconfig: resolve(process.env.KUBECONFIG), registry, blockedEgress: process.env.FNPLANE_BLOCKED_EGRESS?.split(',') ?? [] };
  }
  const cluster = await clusterUp({ signal });
  const { kubeconfig, gatewayKubeconfig, registry, nodeIp } = cluster;
  // A cluster that was begun by an earlier version has none.
  return { kubeconfig, gatewayKubeconfig: existsSync(gatewayKubeconfig) ? gatewayKubeconfig : undefined, registry, nodeAddress: nodeIp, blockedEgress: [cluster.podCidr, cluster.serviceCidr, `${nodeIp}/32`] };
}

async function ensurePostgres(): Promise<string> {
  return process.env.DATABASE_URL ?? (await postgresUp({ dataDir: join(DATA, 'postgres') })).url;
}

async function up(jsonFile: string | undefined, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const recorder = new Recorder();
  mkdirSync(DATA, { recursive: true, mode: 0o700 });
  recorder.heading('What the platform stands on');
  const grounds = await prepare(recorder, signal);
  const clusterReady = performance.now();

  recorder.heading('The platform');
  const { python, node, go } = await recorder.step('runtime images in the registry', () => buildRuntimes({ registry: grounds.registry, cacheDir: cacheFolder() }));
  const addresses = await recorder.step('api, worker, operator, gateway and meter in one process', () => startPlatform({ data: DATA, ...grounds, runtimeImages: { python, node, go } }));
  const token = await mintDemoToken(DATA, OPERATOR_SUBJECT, ['operator']);
  await new Scenario({ recorder, api: addresses.api, gateway: addresses.gateway, token, examples: EXAMPLES }).run();

  const ended = performance.now();
  const totals = { seconds: round((ended - started) / 1000), platformSeconds: round((ended - clusterReady) / 1000), dataPath: await dataPath(addresses) };
  tell(addresses, grounds, token, totals);
  if (jsonFile) recorder.write(jsonFile, totals);
}

/** How the gateway reaches pods, in its own words. */
async function dataPath(addresses: PlatformAddresses): Promise<string> {
  const metrics = await (await fetch(`${addresses.management}/metrics`)).text();
  return /fnplane_gateway_pod_network\{mode="proxy"\} 1/.test(metrics) ? 'API server proxy' : 'direct';
}

function tell(addresses: PlatformAddresses, grounds: Grounds, token: string, totals: { seconds: number; platformSeconds: number; dataPath: string }): void {
  const tokenFile = join(DATA, 'operator.token');
  process.stdout.write(`
Done in ${totals.seconds} s, of which ${totals.platformSeconds} s after the cluster was Ready.
${totals.dataPath === 'direct' ? 'Requests went straight to the pods.' : 'The pod network cannot be reached from here: requests went through the service proxy of the API server.'}

The platform is up:
  REST      ${addresses.api}/v1          (document: ${addresses.api}/v1/openapi.json)
  GraphQL   ${addresses.api}/graphql
  functions ${addresses.gateway}/{tenant}/{function}
  health    ${addresses.management}/readyz, /metrics
  cluster   KUBECONFIG=${grounds.kubeconfig} kubectl get functions -A

Sign in with the demo operator's token, good for a day:
  export TOKEN=$(cat ${tokenFile})
  curl -H "Authorization: Bearer $TOKEN" ${addresses.api}/v1/tenants

Take everything away again: npm run demo -- --down
`);
  writeFileSync(tokenFile, token, { mode: 0o600 });
}

/** What the demo put on a cluster that stays: its tenants, through the API as everything else. */
async function removeDemoTenants(): Promise<void> {
  const addresses = platformAddresses(DATA);
  if (addresses) await removeTenants(addresses.api, await mintDemoToken(DATA, OPERATOR_SUBJECT, ['operator']));
}

/** Ends what runs from the data folder; a cluster or Postgres that the caller brought stays, without what the demo put there. */
async function down(signal: AbortSignal): Promise<void> {
  if (process.env.KUBECONFIG || process.env.DATABASE_URL) await removeDemoTenants();
  await stopPlatform(DATA);
  if (!process.env.DATABASE_URL) await postgresDown({ dataDir: join(DATA, 'postgres') });
  if (!process.env.KUBECONFIG) await clusterDown({ signal });
  rmSync(DATA, { recursive: true, force: true });
  process.stdout.write('The demo is gone.\n');
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { down: { type: 'boolean' }, json: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort(new Error('interrupted; run it again to go on, or with --down to take it away')));
  const aborted = new Promise<never>((_, reject) => interruption.signal.addEventListener('abort', () => reject(interruption.signal.reason as Error)));
  await Promise.race([values.down ? down(interruption.signal) : up(values.json, interruption.signal), aborted]);
  return 0;
}

main().then((code) => process.exit(code), (error: unknown) => {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
