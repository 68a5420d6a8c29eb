import { Child } from '../harness/child.ts';
import { combined, httpMessage, LoadGenerator, type Sample, type Target } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { BareProxySettings } from '../references/bare-proxy.ts';
import { podAddress } from '../stage/pod-address.ts';
import type { Stage } from '../stage/stage.ts';

const THROUGHPUT = { connections: 32, requests: 20_000, seconds: 0.4 };
/** One caller at a time: what a proxy adds, without anybody waiting for anybody. */
const LATENCY = { connections: 1, requests: 2_000, seconds: 0.3 };
/** Samples of each side in a round. */
const TURNS = 3;
const BODY = JSON.stringify({ order: 'x'.repeat(1000) });

const SIDES = ['pod', 'bare', 'gateway'] as const;
type Side = (typeof SIDES)[number];

interface Samples {
  busy: Record<Side, Sample[]>;
  alone: Record<Side, Sample[]>;
}

/** Synchronous invocations: through the gateway (authenticated, limited, counted), over a proxy that does nothing of the kind, before the same pod. */
export async function benchGatewayInvocation(stage: Stage): Promise<Findings> {
  const functionName = await stage.progress.step('a function in Go', () => stage.sharedFunction.ready(), 30_000);
  const pod = await podAddress(stage, functionName);
  const load = await LoadGenerator.start();
  const proxy = await Child.start(new URL('../references/bare-proxy.ts', import.meta.url), { origin: `http://${pod.host}:${pod.port}` } satisfies BareProxySettings);
  try {
    const headers = { authorization: `Bearer ${stage.tenant.apiKey}` };
    const targets: Record<Side, Target> = {
      pod: { ...pod, message: httpMessage('POST', '/', headers, BODY) },
      bare: { host: '127.0.0.1', port: proxy.port, pid: proxy.pid, message: httpMessage('POST', '/', headers, BODY) },
      gateway: { host: '127.0.0.1', port: Number(new URL(stage.platform.gateway).port), pid: stage.platform.pid, message: httpMessage('POST', `/${stage.tenant.name}/${functionName}/`, headers, BODY) },
    };
    const steal = watchSteal();
    const samples = await sample(stage, load, targets);
    return findings(samples, steal());
  } finally {
    await proxy.stop();
    await load.stop();
  }
}

async function sample({ rounds, progress, signal }: Stage, load: LoadGenerator, targets: Record<Side, Target>): Promise<Samples> {
  const samples: Samples = { busy: { pod: [], bare: [], gateway: [] }, alone: { pod: [], bare: [], gateway: [] } };
  // Two rounds warm up.
  for (let round = -2; round < rounds; round++) {
    signal.throwIfAborted();
    const seen: Samples = { busy: { pod: [], bare: [], gateway: [] }, alone: { pod: [], bare: [], gateway: [] } };
    for (let i = 0; i < SIDES.length * TURNS; i++) {
      const side = SIDES[(round + 2 + i) % SIDES.length]!;
      seen.busy[side].push(await load.run(targets[side], THROUGHPUT));
      seen.alone[side].push(await load.run(targets[side], LATENCY));
    }
    if (round < 0) continue;
    for (const side of SIDES) {
      samples.busy[side].push(combined(seen.busy[side]));
      samples.alone[side].push(combined(seen.alone[side]));
    }
    progress.say(`  round ${round + 1}: ${SIDES.map((side) => `${side} ${Math.round(samples.busy[side].at(-1)!.perSecond)}/s`).join(', ')}`);
  }
  return samples;
}

function findings({ busy, alone }: Samples, steal: number): Findings {
  const rates = (side: Side): number[] => busy[side].map(({ perSecond }) => perSecond);
  const added = (side: Side, at: 'p50' | 'p99'): number => median(alone[side].map((seen, round) => seen[at] - alone.pod[round]![at]));
  const cpu = (side: Side): number => median(busy[side].map(({ cpuMicros }) => cpuMicros));
  const straight = 'straight to the pod, one caller';
  return {
    steal,
    results: [
      buildResult({ name: 'synchronous invocation through the gateway', figure: medianRatio(rates('gateway'), rates('bare')), unit: 'ratio', relativeTo: 'a bare node:http + undici proxy before the same pod, requests/s', bound: { op: '>=', value: 0.7 } }),
      buildResult({ name: 'added p50, gateway', figure: added('gateway', 'p50'), unit: 'ms', relativeTo: straight }),
      buildResult({ name: 'added p99, gateway', figure: added('gateway', 'p99'), unit: 'ms', relativeTo: straight }),
      buildResult({ name: 'added p50, bare proxy', figure: added('bare', 'p50'), unit: 'ms', relativeTo: straight }),
      buildResult({ name: 'added p99, bare proxy', figure: added('bare', 'p99'), unit: 'ms', relativeTo: straight }),
      buildResult({ name: 'CPU of a request, gateway', figure: cpu('gateway'), unit: 'us' }),
      buildResult({ name: 'CPU of a request, bare proxy', figure: cpu('bare'), unit: 'us' }),
    ],
    notes: [`${spread(rates('gateway'), '/s')} through the gateway, ${spread(rates('bare'), '/s')} through the bare proxy, ${spread(rates('pod'), '/s')} straight to the pod; ${THROUGHPUT.connections} callers`],
  };
}
