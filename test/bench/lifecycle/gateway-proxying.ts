import { join } from 'node:path';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Traefik } from '../../support/traefik.ts';
import { Child } from '../harness/child.ts';
import { httpMessage, LoadGenerator, sampleInTurns, type Sample, type Target } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { BareProxySettings } from '../references/bare-proxy.ts';
import { podAddress } from '../stage/pod-address.ts';
import type { Stage } from '../stage/stage.ts';

const BODY = JSON.stringify({ order: 'x'.repeat(1000) });

type Side = 'bare' | 'traefik' | 'gateway';

/** A gateway by itself, authenticated, limited and counting, over two that do nothing of the kind, before the same pod: a bare proxy, and Traefik. */
export async function benchGatewayProxying(stage: Stage): Promise<Findings> {
  const functionName = await stage.progress.step('a function in Go', () => stage.sharedFunction.ready(), 30_000);
  const pod = await podAddress(stage, functionName);
  const folder = join(stage.folder, 'gateway-alone');
  mkdirSync(folder, { recursive: true });
  const load = await LoadGenerator.start();
  const proxy = await Child.start(new URL('../references/bare-proxy.ts', import.meta.url), { origin: `http://${pod.host}:${pod.port}` } satisfies BareProxySettings);
  const traefik = await startTraefik(folder, `http://${pod.host}:${pod.port}`);
  const gateway = await Platform.start({ ground: stage.ground, keys: stage.keys, folder, roles: 'gateway' });
  try {
    const headers = { authorization: `Bearer ${stage.tenant.apiKey}` };
    const targets: Record<Side, Target> = {
      bare: { host: '127.0.0.1', port: proxy.port, pid: proxy.pid, message: httpMessage('POST', '/', headers, BODY) },
      traefik: { host: '127.0.0.1', port: traefik.port, pid: traefik.pid, message: httpMessage('POST', '/', headers, BODY) },
      gateway: { host: '127.0.0.1', port: Number(new URL(gateway.gateway).port), pid: gateway.pid, message: httpMessage('POST', `/${stage.tenant.name}/${functionName}/`, headers, BODY) },
    };
    const steal = watchSteal();
    return findings(await sampleInTurns(load, targets, stage), steal());
  } finally {
    await gateway.stop();
    await traefik.stop();
    await proxy.stop();
    await load.stop();
  }
}

/** With one route to the pod, from a file. */
async function startTraefik(folder: string, url: string): Promise<Traefik> {
  const file = join(folder, 'traefik.json');
  writeFileSync(file, JSON.stringify({ http: { routers: { all: { rule: 'PathPrefix(`/`)', service: 'pod' } }, services: { pod: { loadBalancer: { servers: [{ url }] } } } } }));
  return Traefik.start([`--providers.file.filename=${file}`]);
}

function findings(samples: Record<Side, Sample[]>, steal: number): Findings {
  const rates = (side: Side): number[] => samples[side].map(({ perSecond }) => perSecond);
  const cpu = (side: Side): number => median(samples[side].map(({ cpuMicros }) => cpuMicros));
  return {
    steal,
    results: [
      buildResult({ name: 'proxying, gateway alone', figure: medianRatio(rates('gateway'), rates('bare')), unit: 'ratio', relativeTo: 'a bare node:http + undici proxy before the same pod, requests/s', bound: { op: '>=', value: 0.8 } }),
      buildResult({ name: 'proxying, gateway alone, over Traefik', figure: medianRatio(rates('gateway'), rates('traefik')), unit: 'ratio', relativeTo: 'Traefik v3.6.12 before the same pod, requests/s', bound: { op: '>=', value: 1 } }),
      buildResult({ name: 'CPU of a proxied request, gateway alone', figure: cpu('gateway'), unit: 'us', bound: { op: '<=', value: 150 } }),
      buildResult({ name: 'CPU of a proxied request, bare proxy', figure: cpu('bare'), unit: 'us' }),
      buildResult({ name: 'CPU of a proxied request, Traefik', figure: cpu('traefik'), unit: 'us' }),
    ],
    notes: [`${spread(rates('gateway'), '/s')} through the gateway, ${spread(rates('bare'), '/s')} through the bare proxy, ${spread(rates('traefik'), '/s')} through Traefik`],
  };
}
