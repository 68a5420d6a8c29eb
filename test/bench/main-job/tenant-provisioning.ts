import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterObject } from '../harness/bare-cluster.ts';
import { compiled } from '../harness/compiled.ts';
import { cpuMs, watchSteal } from '../harness/machine.ts';
import { buildResult, medianRatio, spread, type Findings } from '../harness/result.ts';
import { inParallel, until } from '../harness/until.ts';
import { expectStatus, removeTenants, TENANT_READY_MS, untilReady, type Stage } from '../stage/stage.ts';

/** In one round, by each side. */
const TENANTS = 16;
/** As many as the worker provisions at once. */
const PARALLEL = 8;
const POLL_MS = 25;
/** Controllers work on new namespaces for a while: the one side must not pay for the other's. */
const SETTLE_MS = 1_000;
/** Tells the script's objects from the platform's, which would otherwise take them for its own and look after them. */
const MARK = 'bench.fnplane.dev/';
const GONE_WITHIN_MS = 150_000;

interface Applied {
  path: string;
  manifest: ClusterObject;
}

/** Tenants a second: through the API until Ready, over the same objects applied by a script that knows what to apply. */
export async function benchTenantProvisioning(stage: Stage): Promise<Findings> {
  const buildBare = await bareObjects(stage);
  const made: string[] = [];
  const bare: Applied[] = [];
  stage.cleanup.add('the script\'s objects', () => removeBare(stage, bare));
  stage.cleanup.add('the tenants', () => removeTenants(stage.platform.operator, made));
  const rates = { platform: [] as number[], bare: [] as number[] };
  const costs = { cpu: [] as number[], calls: [] as number[] };
  const steal = watchSteal();
  for (let round = -1; round < stage.rounds; round++) {
    stage.signal.throwIfAborted();
    const provision = async (): Promise<void> => {
      const before = [cpuMs(stage.platform.pid), await stage.platform.counter('fnplane_kubernetes_requests_total')] as const;
      const rate = await throughPlatform(stage, made);
      if (round < 0) return; // The first one warms up.
      rates.platform.push(rate);
      costs.cpu.push((cpuMs(stage.platform.pid) - before[0]) / TENANTS);
      costs.calls.push((await stage.platform.counter('fnplane_kubernetes_requests_total') - before[1]) / TENANTS);
    };
    const apply = async (): Promise<void> => {
      const rate = await throughScript(stage, buildBare, bare);
      if (round >= 0) rates.bare.push(rate);
    };
    for (const side of round % 2 === 0 ? [provision, apply] : [apply, provision]) {
      await side();
      await pause(SETTLE_MS, undefined, { signal: stage.signal });
    }
    if (round >= 0) stage.progress.say(`  round ${round + 1}: ${rates.platform.at(-1)!.toFixed(1)} tenants/s, the script ${rates.bare.at(-1)!.toFixed(1)}`);
  }
  return {
    steal: steal(),
    results: [buildResult({ name: 'tenant provisioning', figure: medianRatio(rates.platform, rates.bare), unit: 'ratio', relativeTo: 'the same objects applied by a bare parallel script, tenants/s', bound: { op: '>=', value: 0.7 } })],
    notes: [
      `${spread(rates.platform, 'tenants/s')}, the script ${spread(rates.bare, 'tenants/s')}; ${TENANTS} a round, ${PARALLEL} at once`,
      `of the platform's process, for one tenant: ${spread(costs.cpu, 'ms of CPU')}, ${spread(costs.calls, 'API-server calls')} (the script makes ${bare.length / (TENANTS * (stage.rounds + 1))})`,
    ],
  };
}

async function throughPlatform({ platform, signal }: Stage, made: string[]): Promise<number> {
  const names = Array.from({ length: TENANTS }, () => `b-${randomBytes(6).toString('hex')}`);
  made.push(...names);
  const start = performance.now();
  await inParallel(names, PARALLEL, async (name) => {
    expectStatus(await platform.operator.post('/v1/tenants', { name }), 202);
  });
  for (const name of names) await untilReady(platform.operator, `/v1/tenants/${name}`, TENANT_READY_MS, POLL_MS, signal);
  return (TENANTS * 1000) / (performance.now() - start);
}

async function throughScript({ cluster }: Stage, build: () => Applied[], all: Applied[]): Promise<number> {
  const placements = Array.from({ length: TENANTS }, build);
  all.push(...placements.flat());
  const start = performance.now();
  await inParallel(placements, PARALLEL, async ([namespace, ...others]) => {
    await cluster.apply(namespace!.path, namespace!.manifest);
    await Promise.all(others.map(({ path, manifest }) => cluster.apply(path, manifest)));
  });
  return (TENANTS * 1000) / (performance.now() - start);
}

/** The platform's own manifests of a tenant like the shared one, under other labels. */
async function bareObjects({ platform, ground, tenant }: Stage): Promise<() => Applied[]> {
  const { buildPlacement } = await compiled<typeof import('../../../src/domains/clusters/manifests/placement.js')>('domains/clusters/manifests/placement.js');
  const { parseBlockedEgress } = await compiled<typeof import('../../../src/domains/clusters/egress.policy.js')>('domains/clusters/egress.policy.js');
  const { apiVersionOf, resourcePath } = await compiled<typeof import('../../../src/platform/kubernetes/resource-type.js')>('platform/kubernetes/resource-type.js');
  const { effective: limits } = expectStatus(await platform.operator.get(`/v1/tenants/${tenant.name}/quota`), 200);
  const blockedEgress = parseBlockedEgress(ground.blockedEgress.split(',').filter(Boolean));
  return () => {
    const tenantId = randomUUID();
    const accessList = { tenantId, tenant: `b-${tenantId.slice(0, 12)}`, keys: [], members: [{ issuer: 'https://bench.fnplane.invalid', subject: 'bench' }], rateLimit: { perSecond: 1000, burst: 1000 } };
    return buildPlacement({ tenantId, limits, accessList, blockedEgress }).map(({ type, manifest }) => ({
      path: resourcePath(type, manifest.metadata),
      manifest: { apiVersion: apiVersionOf(type), kind: type.kind, ...manifest, metadata: { ...manifest.metadata, labels: relabelled(manifest.metadata.labels ?? {}) } } as ClusterObject,
    }));
  };
}

function relabelled(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name.replace(/^fnplane\.dev\//, MARK), value]));
}

async function removeBare({ cluster }: Stage, objects: readonly Applied[]): Promise<void> {
  const namespaces = objects.filter(({ manifest }) => manifest.kind === 'Namespace');
  const elsewhere = objects.filter(({ manifest }) => manifest.kind === 'Secret');
  await inParallel([...elsewhere, ...namespaces], PARALLEL, ({ path }) => cluster.delete(path));
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (const { path } of namespaces) {
    await until(`the end of ${path}`, async () => ((await cluster.find(path)) ? { seen: 'it is still there' } : { found: true }), { withinMs: Math.max(1_000, deadline - performance.now()), everyMs: 200 });
  }
}
