import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { clusterDown } from '../deploy/local/cluster/down.ts';
import { cacheFolder, dataBase, layoutOf } from '../deploy/local/cluster/layout.ts';
import { ensureBinary, METRICS_SERVER } from '../deploy/local/cluster/builds.ts';
import { CLUSTER_PACKAGES, ensurePackages, IMAGE_PACKAGES, MONITORING_PACKAGES, PROOF_PACKAGES } from '../deploy/local/cluster/packages.ts';
import { Progress } from '../deploy/local/cluster/progress.ts';
import { clusterStatus } from '../deploy/local/cluster/status.ts';
import { clusterUp } from '../deploy/local/cluster/up.ts';
import { ensureKafka, KAFKA_PACKAGES } from '../deploy/local/kafka/jars.ts';
import { postgresDown, postgresUp } from '../deploy/local/postgres.ts';
import { buildRuntimes } from '../deploy/runtimes/build.ts';
import { WARM_EXPECTED_MS, warmBuilds } from '../deploy/local/warm-builds.ts';
import { ensureArgoRollouts } from './support/argo-rollouts-build.ts';
import { ensureLocalKms } from './support/local-kms-build.ts';
import { runGoTests } from './support/go-tests.ts';
import { runSuites, type TestRecord } from './support/suites.ts';
import { ensureTraefik } from './support/traefik-build.ts';

const USAGE = `usage: npm test -- [--project NAME]... [--json FILE] [FILTER...]

  projects: unit runtimes go integration proof cluster isolation image e2e; all of them when none is named
  Starts the Postgres and the cluster that the chosen projects need, unless DATABASE_URL or KUBECONFIG names one; ends what it started.
`;

const PROJECTS = ['unit', 'runtimes', 'go', 'integration', 'proof', 'cluster', 'isolation', 'image', 'e2e'] as const;
type Project = (typeof PROJECTS)[number];
/** Those whose suites run two at a time, with the project of those that run one at a time (vitest.config.ts). */
const ALONE: Partial<Record<Project, string[]>> = { cluster: ['cluster-wide'], e2e: ['e2e-own'] };
const NEED_POSTGRES: readonly Project[] = ['integration', 'proof', 'cluster', 'isolation', 'image', 'e2e'];
const NEED_CLUSTER: readonly Project[] = ['cluster', 'isolation', 'image', 'e2e'];
/** What builds images or compiles in sandboxes. */
const NEED_PACKAGES: readonly Project[] = ['runtimes', ...NEED_POSTGRES];
const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));

interface Ground {
  environment: Record<string, string>;
  release: (() => Promise<void>)[];
}

async function preparePostgres(ground: Ground, progress: Progress): Promise<void> {
  if (process.env.DATABASE_URL) {
    ground.environment.FNPLANE_TEST_DATABASE_URL = process.env.DATABASE_URL;
    return;
  }
  const options = { dataDir: join(dataBase(), 'test-postgres'), ephemeral: true };
  ground.release.push(() => postgresDown(options));
  ground.environment.FNPLANE_TEST_DATABASE_URL = (await progress.step('Postgres for the tests', () => postgresUp(options), 4_000)).url;
}

async function prepareCluster(ground: Ground, progress: Progress, signal: AbortSignal): Promise<void> {
  if (process.env.KUBECONFIG) {
    ground.environment.KUBECONFIG = process.env.KUBECONFIG;
    ground.environment.FNPLANE_TEST_REGISTRY = process.env.FNPLANE_REGISTRY ?? '127.0.0.1:5010';
  } else {
    const ran = existsSync(layoutOf().stateFile) && (await clusterStatus({}).catch(() => ({ healthy: false }))).healthy;
    if (!ran) ground.release.push(() => clusterDown({ quiet: true }).then(() => undefined));
    const cluster = await progress.step('the local cluster', () => clusterUp({ signal }), 30_000);
    Object.assign(ground.environment, {
      KUBECONFIG: cluster.kubeconfig, FNPLANE_TEST_REGISTRY: cluster.registry, FNPLANE_TEST_NODE_ADDRESS: cluster.nodeIp,
      FNPLANE_TEST_BLOCKED_EGRESS: [cluster.podCidr, cluster.serviceCidr, `${cluster.nodeIp}/32`].join(','),
    });
  }
  const [images] = await Promise.all([
    progress.step('runtime images', () => buildRuntimes({ registry: ground.environment.FNPLANE_TEST_REGISTRY!, cacheDir: cacheFolder() }), 10_000),
    progress.step('the compiled standard library for functions in Go', () => warmBuilds(join(cacheFolder(), 'test-builds'), signal), WARM_EXPECTED_MS),
  ]);
  ground.environment.FNPLANE_TEST_RUNTIME_IMAGES = JSON.stringify(images);
}

function chosenProjects(names: readonly string[] | undefined): readonly Project[] {
  if (!names?.length) return PROJECTS;
  const wrong = names.find((name) => !PROJECTS.includes(name as Project));
  if (wrong) throw new Error(`there is no test project ${wrong}\n${USAGE}`);
  return names as Project[];
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { project: { type: 'string', multiple: true }, json: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const projects = chosenProjects(values.project);
  const needs = (those: readonly Project[]): boolean => projects.some((project) => those.includes(project));
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort(new Error('interrupted')));
  const progress = new Progress();
  const ground: Ground = { environment: { FNPLANE_TEST_CACHE: cacheFolder() }, release: [] };
  const records: TestRecord[] = [];
  let failure: unknown;
  try {
    if (needs(NEED_PACKAGES)) await ensurePackages(progress, { ...CLUSTER_PACKAGES, ...IMAGE_PACKAGES, ...PROOF_PACKAGES, ...MONITORING_PACKAGES, ...KAFKA_PACKAGES });
    await Promise.all([
      needs(NEED_POSTGRES) ? preparePostgres(ground, progress) : undefined,
      needs(['integration']) ? ensureLocalKms(progress, interruption.signal).then((path) => { ground.environment.FNPLANE_TEST_LOCAL_KMS = path; }) : undefined,
      needs(['integration', 'cluster']) ? ensureKafka(cacheFolder(), progress, interruption.signal) : undefined,
      needs(['cluster']) ? ensureArgoRollouts(progress, interruption.signal).then((argo) => { Object.assign(ground.environment, argo); }) : undefined,
      needs(NEED_CLUSTER) ? prepareCluster(ground, progress, interruption.signal) : undefined,
    ]);
    // Minutes where no run has built them yet: beside the suites that need no cluster. Those on it measure, and nothing is built beside them.
    const builds = needs(['cluster']) ? Promise.allSettled([ensureBinary(cacheFolder(), METRICS_SERVER, progress, interruption.signal), ensureTraefik(progress, interruption.signal)]) : undefined;
    if (projects.includes('go')) records.push(...(await runGoTests(CHECKOUT, interruption.signal)));
    const suites = projects.filter((project) => project !== 'go').flatMap((project) => [project, ...(ALONE[project] ?? [])]);
    const onCluster = Math.max(0, suites.indexOf('cluster'));
    for (const some of [suites.slice(0, onCluster), suites.slice(onCluster)]) {
      if (some.includes('cluster')) await builds;
      if (some.length > 0) records.push(...(await runSuites({ checkout: CHECKOUT, projects: some, filters: positionals, environment: ground.environment, signal: interruption.signal })));
    }
  } catch (error) {
    failure = error;
  }
  for (const release of ground.release.reverse()) await release().catch((error: unknown) => { failure ??= error; });
  if (values.json) writeFileSync(values.json, `${records.map((record) => JSON.stringify(record)).join('\n')}\n`);
  return summarise(records, failure);
}

function summarise(records: readonly TestRecord[], failure: unknown): number {
  const count = (state: TestRecord['state']): number => records.filter((record) => record.state === state).length;
  for (const { project, file, name, why } of records.filter(({ state }) => state === 'failed')) process.stdout.write(`FAILED ${project} ${file} ${name}\n${why ? `${why.replace(/^/gm, '    ')}\n` : ''}`);
  if (failure) process.stdout.write(`${failure instanceof Error ? failure.stack ?? failure.message : String(failure)}\n`);
  // What kept tests from running is a failure too, or an empty run would look like a good one.
  const failed = count('failed') + (failure || records.length === 0 ? 1 : 0);
  process.stdout.write(`${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped\n`);
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main();
process.exit();
