import { join } from 'node:path';
import { Child } from '../harness/child.ts';
import { httpMessage, LoadGenerator, sampleInTurns, type Sample, type Target } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { apiEnvironment } from '../harness/platform-process.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { UnguardedSettings } from '../references/unguarded-api.ts';
import type { AccessStage } from './stage.ts';

type Side = 'open' | 'token' | 'key';

/** What authentication, authorization and row-level security take of the time of a GET of a function: it over the same process without them. */
export async function benchGuardedRead(stage: AccessStage): Promise<Findings> {
  const { ground, keys, api, tenant, functionName, folder } = stage;
  const settings: UnguardedSettings = { environment: { ...apiEnvironment(ground, keys), FNPLANE_ROLES: 'api', FNPLANE_MIGRATE: 'never' }, tenant };
  // Both write their log lines to files.
  const open = await Child.start(new URL('../references/unguarded-api.ts', import.meta.url), settings, join(folder, 'unguarded.log'));
  const load = await LoadGenerator.start();
  try {
    const path = `/v1/tenants/${tenant.name}/functions/${functionName}`;
    const target = (pid: number, port: number, credential: string): Target => ({ host: '127.0.0.1', port, pid, message: httpMessage('GET', path, { authorization: `Bearer ${credential}` }) });
    const port = Number(new URL(api.api).port);
    const steal = watchSteal();
    const samples = await sampleInTurns(load, { open: target(open.pid, open.port, api.token), token: target(api.pid, port, api.token), key: target(api.pid, port, tenant.apiKey) }, stage);
    return findings(samples, steal());
  } finally {
    await load.stop();
    await open.stop();
  }
}

function findings(samples: Record<Side, Sample[]>, steal: number): Findings {
  const rates = (side: Side): number[] => samples[side].map(({ perSecond }) => perSecond);
  const share = (side: Side): number => 1 - medianRatio(rates(side), rates('open'));
  const cpu = (side: Side): number => Math.round(median(samples[side].map(({ cpuMicros }) => cpuMicros)));
  const [token, key] = [share('token'), share('key')];
  return {
    steal,
    results: [buildResult({ name: 'authentication, authorization, RLS on a GET', figure: Math.max(token, key), unit: 'share', relativeTo: 'the time of the same GET', bound: { op: '<=', value: 0.25 } })],
    notes: [
      `with a token ${token.toFixed(3)}, with an API key ${key.toFixed(3)}; the worse counts`,
      `${spread(rates('token'), '/s')} with a token, ${spread(rates('key'), '/s')} with a key, without any wall ${spread(rates('open'), '/s')}`,
      `CPU of the process for one request: ${cpu('token')} us with a token, ${cpu('key')} us with a key, without any wall ${cpu('open')} us`,
    ],
  };
}
