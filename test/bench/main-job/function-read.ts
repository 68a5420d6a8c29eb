import { isDeepStrictEqual } from 'node:util';
import { compiled } from '../harness/compiled.ts';
import { Child } from '../harness/child.ts';
import { httpMessage, LoadGenerator, sampleInTurns, type Sample, type Target } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { Platform } from '../harness/platform-process.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { BareRouteSettings } from '../references/bare-route.ts';
import type { Stage } from '../stage/stage.ts';

/** As the platform's default: FNPLANE_DATABASE_POOL. */
const POOL = 12;

type Side = 'bare' | 'token' | 'key';

/** Authenticated GET of a function, requests a second: the api role alone, over a route that only runs the same SQL. */
export async function benchFunctionRead(stage: Stage): Promise<Findings> {
  const { ground, keys, folder, tenant } = stage;
  const functionName = await stage.progress.step('a function in Go', () => stage.sharedFunction.ready(), 30_000);
  const api = await Platform.start({ ground, keys, folder, roles: 'api', ...(stage.profile ? { profile: stage.profile } : {}) });
  const load = await LoadGenerator.start();
  let route: Child | undefined;
  try {
    const path = `/v1/tenants/${tenant.name}/functions/${functionName}`;
    route = await Child.start(new URL('../references/bare-route.ts', import.meta.url), await routeSettings(stage, functionName, api));
    await demandSameAnswer(`${api.api}${path}`, api.token, `http://127.0.0.1:${route.port}/function`);
    const authenticated = (credential: string): Target => ({ host: '127.0.0.1', port: Number(new URL(api.api).port), pid: api.pid, message: httpMessage('GET', path, { authorization: `Bearer ${credential}` }) });
    const targets: Record<Side, Target> = {
      bare: { host: '127.0.0.1', port: route.port, pid: route.pid, message: httpMessage('GET', '/function', { authorization: `Bearer ${tenant.apiKey}` }) },
      token: authenticated(api.token),
      key: authenticated(tenant.apiKey),
    };
    const steal = watchSteal();
    const samples = await sampleInTurns(load, targets, stage);
    return findings(samples, steal());
  } finally {
    await load.stop();
    await route?.stop();
    await api.stop();
  }
}

function findings(samples: Record<Side, Sample[]>, steal: number): Findings {
  const rates = (side: Side): number[] => samples[side].map(({ perSecond }) => perSecond);
  const ratios = { token: medianRatio(rates('token'), rates('bare')), key: medianRatio(rates('key'), rates('bare')) };
  const cpu = (side: Side): number => Math.round(median(samples[side].map(({ cpuMicros }) => cpuMicros)));
  return {
    steal,
    results: [buildResult({ name: 'authenticated GET of a function', figure: Math.min(ratios.token, ratios.key), unit: 'ratio', relativeTo: 'a bare Fastify route running the same SQL, requests/s', bound: { op: '>=', value: 0.5 } })],
    notes: [
      `with a token ${ratios.token.toFixed(3)}, with an API key ${ratios.key.toFixed(3)}; the worse counts`,
      `${spread(rates('token'), '/s')} with a token, ${spread(rates('key'), '/s')} with a key, bare ${spread(rates('bare'), '/s')}`,
      `CPU of the process for one request: ${cpu('token')} us with a token, ${cpu('key')} us with a key, bare ${cpu('bare')} us`,
    ],
  };
}

/** The statements are the platform's own: its repository is asked for them instead of a database. */
async function routeSettings({ ground, tenant }: Stage, functionName: string, api: Platform): Promise<BareRouteSettings> {
  const { FunctionsRepository } = await compiled<typeof import('../../../src/domains/functions/store/functions.repository.js')>('domains/functions/store/functions.repository.js');
  const statements: [string, unknown[]][] = [];
  const recorder = { statement: (_: unknown, text: string, values: unknown[]) => (statements.push([text, values]), Promise.resolve([])) };
  await new FunctionsRepository(recorder as never).find({ scope: 'tenant', tenantId: tenant.id } as never, functionName);
  const [[select, values]] = statements as [[string, unknown[]]];
  return {
    databaseUrl: ground.databaseUrl, poolSize: POOL, select, values,
    begin: `BEGIN; SELECT set_config('role', 'fnplane_tenant', true), set_config('app.tenant', '${tenant.id}', true)`,
    gatewayUrl: api.gateway, tenantName: tenant.name,
  };
}

async function demandSameAnswer(platform: string, token: string, bare: string): Promise<void> {
  const [asked, expected] = await Promise.all([fetch(platform, { headers: { authorization: `Bearer ${token}` } }), fetch(bare)].map(async (answer) => (await answer).json() as Promise<unknown>));
  if (!isDeepStrictEqual(asked, expected)) throw new Error(`the bare route answers something else than the platform:\n${JSON.stringify(expected)}\n${JSON.stringify(asked)}`);
}
