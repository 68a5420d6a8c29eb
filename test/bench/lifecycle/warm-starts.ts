import { watchSteal } from '../harness/machine.ts';
import { buildResult, median, spread, type Findings } from '../harness/result.ts';
import { inParallel, until } from '../harness/until.ts';
import { expectStatus, type Stage } from '../stage/stage.ts';
import { BareWorkload } from './bare-workload.ts';
import { ZeroFunction, type Start } from './zero-function.ts';

/** Distinct functions, each started once. */
const FUNCTIONS = 50;
/** Their own pods, which prove them first, share the node. */
const PROVED_AT_ONCE = 5;
/** A bare start after so many warm ones: both sides meet the same moments. */
const BARE_EVERY = 7;
const POOL = 5;
const BURST = 20;
const REFILLED_WITHIN_MS = 90_000;

/** From a request at zero pods to its answer out of the tenant's warm pool, over a bare pod's start; then twenty functions at once on a pool of five. */
export async function benchWarmStarts(stage: Stage): Promise<Findings> {
  await stage.sharedFunction.release();
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => new ZeroFunction(stage, `warm-${index}`, 'node'));
  stage.cleanup.add('the functions of warm starts', () => inParallel(functions, PROVED_AT_ONCE, (fn) => fn.remove()));
  await stage.progress.step(`${FUNCTIONS} functions at zero`, () => inParallel(functions, PROVED_AT_ONCE, async (fn) => {
    await fn.deploy();
    await fn.stopped();
  }), 120_000);
  const bare = await BareWorkload.make(stage, functions[0]!.name);
  await setPool(stage, POOL);
  stage.cleanup.add('the warm pool', () => setPool(stage, 0));
  const steal = watchSteal();
  const before = await warmClaims(stage);
  const starts: Start[] = [];
  const bares: number[] = [];
  for (const [index, fn] of functions.entries()) {
    stage.signal.throwIfAborted();
    await refilled(stage, POOL);
    if (index % BARE_EVERY === 0) bares.push(await bare.start());
    starts.push(await fn.start());
    await fn.stopped();
  }
  const warm = await warmClaims(stage) - before;
  const burst = await wakeAtOnce(stage, functions.slice(0, BURST));
  const [firsts, reference] = [starts.map(({ first }) => first), median(bares)];
  const relativeTo = 'the start of a bare pod, 0 to 1, p50 in the same run';
  return {
    steal: steal(),
    results: [
      buildResult({ name: 'warm start, request to answer, p50', figure: quantile(firsts, 0.5) / reference, unit: 'ratio', relativeTo, bound: { op: '<=', value: 0.03 } }),
      buildResult({ name: 'warm start, request to answer, p95', figure: quantile(firsts, 0.95) / reference, unit: 'ratio', relativeTo, bound: { op: '<=', value: 0.06 } }),
      buildResult({ name: 'share of these starts that were warm', figure: warm / FUNCTIONS, unit: 'ratio', bound: { op: '>=', value: 1 } }),
      buildResult({ name: `burst of ${BURST} on a pool of ${POOL}, p95`, figure: quantile(burst.times, 0.95), unit: 'ms' }),
      buildResult({ name: `burst of ${BURST} on a pool of ${POOL}, served warm`, figure: burst.warm / BURST, unit: 'ratio' }),
    ],
    notes: [
      `${spread(firsts, 'ms')}, p95 ${quantile(firsts, 0.95).toFixed(0)} ms; the request right after ${spread(starts.map(({ second }) => second), 'ms')}; the bare pod ${spread(bares, 'ms')}`,
      `of the burst: ${spread(burst.times, 'ms')}`,
    ],
  };
}

async function wakeAtOnce(stage: Stage, functions: readonly ZeroFunction[]): Promise<{ times: number[]; warm: number }> {
  for (const fn of functions) await fn.stopped();
  await refilled(stage, POOL);
  const before = await warmClaims(stage);
  const starts = await Promise.all(functions.map((fn) => fn.start()));
  return { times: starts.map(({ first }) => first), warm: await warmClaims(stage) - before };
}

async function setPool({ platform, tenant }: Stage, size: number): Promise<void> {
  expectStatus(await platform.operator.put(`/v1/tenants/${tenant.name}/pools`, { runtimes: size === 0 ? [] : [{ runtime: 'node', min: size, max: size }] }), 200, 202);
}

function refilled({ cluster, tenant, signal }: Stage, size: number): Promise<unknown> {
  return until('a full pool', async () => {
    const pods = await cluster.list(`/api/v1/namespaces/${tenant.namespace}/pods`, 'fnplane.dev/pool=waiting');
    const ready = pods.filter(({ status }) => (status?.conditions as { type: string; status: string }[] | undefined)?.some((condition) => condition.type === 'Ready' && condition.status === 'True')).length;
    return ready >= size ? { found: true } : { seen: `${ready} of ${size} pods wait` };
  }, { withinMs: REFILLED_WITHIN_MS, everyMs: 100, signal });
}

/** Starts out of the pool until now, as the operator counts them. */
async function warmClaims({ platform }: Stage): Promise<number> {
  const text = await (await fetch(`${platform.management}/metrics`, { signal: AbortSignal.timeout(10_000) })).text();
  const lines = text.split('\n').filter((line) => line.startsWith('fnplane_pool_claims_total{') && line.includes('outcome="warm"'));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

function quantile(values: readonly number[], at: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(at * sorted.length) - 1)]!;
}
