import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, median, spread, type Findings } from '../harness/result.ts';
import { expectStatus } from '../stage/stage.ts';
import type { AccessStage } from './stage.ts';

const AT_ONCE = 200;
const ALLOWED = 100;
const LEAST_ROUNDS = 5;

/** 200 deployments of one tenant at once, with room for half of them: never one too many, and nobody waits long. */
export async function benchAdmission({ api, rounds, progress, signal }: AccessStage): Promise<Findings> {
  const steal = watchSteal();
  const worst: number[] = [];
  const middle: number[] = [];
  let overshoot = 0;
  let unused = 0;
  // The first round warms up.
  for (let round = 0; round <= Math.max(rounds, LEAST_ROUNDS); round++) {
    signal.throwIfAborted();
    const { latencies, admitted, reserved } = await deployAtOnce(api.operator, `admission-${round}`);
    overshoot = Math.max(overshoot, admitted - ALLOWED, reserved - ALLOWED);
    unused = Math.max(unused, ALLOWED - admitted);
    if (round === 0) continue;
    worst.push(latencies[Math.ceil(latencies.length * 0.99) - 1]!);
    middle.push(median(latencies));
    progress.say(`  round ${round}: ${admitted} admitted, p99 ${Math.round(worst.at(-1)!)} ms`);
  }
  return {
    steal: steal(),
    results: [
      buildResult({ name: `overshoot of ${AT_ONCE} deployments at once`, figure: overshoot, unit: 'functions', bound: { op: '<=', value: 0 } }),
      buildResult({ name: `p99 of ${AT_ONCE} deployments at once`, figure: median(worst) / 1000, unit: 's', bound: { op: '<=', value: 1 } }),
    ],
    notes: [`p99 ${spread(worst, 'ms')}, p50 ${spread(middle, 'ms')}; slots left over although somebody wanted them: ${unused}`],
  };
}

async function deployAtOnce(client: HttpClient, name: string): Promise<{ latencies: number[]; admitted: number; reserved: number }> {
  expectStatus(await client.post('/v1/tenants', { name }), 202);
  const roomy = { pods: 1_000, cpuMillis: 1_000_000, memoryMb: 1_000_000, ephemeralStorageMb: 1_000_000 };
  expectStatus(await client.patch(`/v1/tenants/${name}/quota`, { overrides: { functions: ALLOWED, ...roomy } }), 200);
  const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => {
    const fn = `fn-${index}`;
    const begun = performance.now();
    const answer = await client.put(`/v1/tenants/${name}/functions/${fn}`, { name: fn, runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } });
    const ms = performance.now() - begun;
    if (answer.status !== 202 && answer.body.code !== 'QUOTA_EXCEEDED') throw new Error(`a deployment was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return { ms, admitted: answer.status === 202 };
  }));
  const { used } = expectStatus(await client.get(`/v1/tenants/${name}/quota`), 200) as { used: { functions: number } };
  return { latencies: outcomes.map(({ ms }) => ms).sort((a, b) => a - b), admitted: outcomes.filter(({ admitted }) => admitted).length, reserved: used.functions };
}
