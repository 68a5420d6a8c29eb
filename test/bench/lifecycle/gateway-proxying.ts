import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import { Child } from '../harness/child.ts';
import { httpMessage, LoadGenerator, sampleInTurns, type Sample, type Target } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { BareProxySettings } from '../references/bare-proxy.ts';
import { podAddress } from '../stage/pod-address.ts';
import type { Stage } from '../stage/stage.ts';

const BODY = JSON.stringify({ order: 'x'.repeat(1000) });

type Side = 'bare' | 'gateway';

/** A gateway by itself, authenticated, limited and counting, over a proxy that does nothing of the kind, before the same pod. */
export async function benchGatewayProxying(stage: Stage): Promise<Findings> {
  const functionName = await stage.progress.step('a function in Go', () => stage.sharedFunction.ready(), 30_000);
  const pod = await podAddress(stage, functionName);
  const folder = join(stage.folder, 'gateway-alone');
  mkdirSync(folder, { recursive: true });
  const load = await LoadGenerator.start();
  const proxy = await Child.start(new URL('../references/bare-proxy.ts', import.meta.url), { origin: `http://${pod.host}:${pod.port}` } satisfies BareProxySettings);
  const gateway = await Platform.start({ ground: stage.ground, keys: stage.keys, folder, roles: 'gateway' });
  try {
    const headers = { authorization: `Bearer ${stage.tenant.apiKey}` };
    const targets: Record<Side, Target> = {
      bare: { host: '127.0.0.1', port: proxy.port, pid: proxy.pid, message: httpMessage('POST', '/', headers, BODY) },
      gateway: { host: '127.0.0.1', port: Number(new URL(gateway.gateway).port), pid: gateway.pid, message: httpMessage('POST', `/${stage.tenant.name}/${functionName}/`, headers, BODY) },
    };
    const steal = watchSteal();
    return findings(await sampleInTurns(load, targets, stage), steal());
  } finally {
    await gateway.stop();
    await proxy.stop();
    await load.stop();
  }
}

function findings(samples: Record<Side, Sample[]>, steal: number): Findings {
  const rates = (side: Side): number[] => samples[side].map(({ perSecond }) => perSecond);
  const cpu = (side: Side): number => median(samples[side].map(({ cpuMicros }) => cpuMicros));
  return {
    steal,
    results: [
      buildResult({ name: 'proxying, gateway alone', figure: medianRatio(rates('gateway'), rates('bare')), unit: 'ratio', relativeTo: 'a bare node:http + undici proxy before the same pod, requests/s', bound: { op: '>=', value: 0.8 } }),
      buildResult({ name: 'CPU of a proxied request, gateway alone', figure: cpu('gateway'), unit: 'us', bound: { op: '<=', value: 150 } }),
      buildResult({ name: 'CPU of a proxied request, bare proxy', figure: cpu('bare'), unit: 'us' }),
    ],
    notes: [`${spread(rates('gateway'), '/s')} through the gateway, ${spread(rates('bare'), '/s')} through the bare proxy`],
  };
}
