import { join } from 'node:path';
import { Client } from 'pg';
import { Child } from '../harness/child.ts';
import { httpMessage, LoadGenerator, sampleInTurns, type Sample, type Target } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import type { BareInsertSettings } from '../references/bare-insert.ts';
import { expectStatus } from '../stage/stage.ts';
import { FUNCTION, type EventsStage } from './stage.ts';

type Side = 'platform' | 'bare';

const TABLE = 'bench_bare_invocation';
const BODY = JSON.stringify({ order: 4_711, lines: Array.from({ length: 8 }, (_, index) => ({ sku: `article-${index}`, count: index })) });
/** As the platform's own pool has it by default. */
const POOL = 10;

/** Accepting invocations durably, over a route that does nothing but insert the body as a row of the same Postgres. */
export async function benchAccept(stage: EventsStage): Promise<Findings> {
  const { ground, api, folder } = stage;
  expectStatus(await api.operator.post('/v1/tenants', { name: 'accepting' }), 202);
  expectStatus(await api.operator.post('/v1/tenants/accepting/functions', FUNCTION), 202);
  const { key } = expectStatus(await api.operator.post('/v1/tenants/accepting/api-keys', { name: 'bench', role: 'developer' }), 201) as { key: string };
  const client = new Client({ connectionString: ground.databaseUrl });
  await client.connect();
  await client.query(`CREATE TABLE ${TABLE} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), body bytea, created_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
  const settings: BareInsertSettings = { databaseUrl: ground.databaseUrl, poolSize: POOL, insert: `INSERT INTO ${TABLE} (body) VALUES ($1) RETURNING id` };
  const bare = await Child.start(new URL('../references/bare-insert.ts', import.meta.url), settings, join(folder, 'bare-insert.log'));
  const load = await LoadGenerator.start();
  try {
    const target = (pid: number, port: number, path: string, headers: Record<string, string> = {}): Target => ({ host: '127.0.0.1', port, pid, message: httpMessage('POST', path, headers, BODY) });
    const steal = watchSteal();
    const samples = await sampleInTurns(load, {
      platform: target(api.pid, Number(new URL(api.api).port), `/v1/tenants/accepting/functions/${FUNCTION.name}/async-invocations`, { authorization: `Bearer ${key}` }),
      bare: target(bare.pid, bare.port, '/invocations'),
    }, stage);
    return findings(samples, steal());
  } finally {
    await load.stop();
    await bare.stop();
    await client.query(`DROP TABLE ${TABLE}`).catch(() => undefined);
    await client.end();
  }
}

function findings(samples: Record<Side, Sample[]>, steal: number): Findings {
  const all = (side: Side, figure: 'perSecond' | 'p99'): number[] => samples[side].map((sample) => sample[figure]);
  const cpu = (side: Side): number => Math.round(median(samples[side].map(({ cpuMicros }) => cpuMicros)));
  const relativeTo = 'a route that inserts one row, same Postgres';
  return {
    steal,
    results: [
      buildResult({ name: 'async accept, requests/s', figure: medianRatio(all('platform', 'perSecond'), all('bare', 'perSecond')), unit: 'ratio', relativeTo, bound: { op: '>=', value: 0.5 } }),
      buildResult({ name: 'async accept, speed at p99', figure: medianRatio(all('bare', 'p99'), all('platform', 'p99')), unit: 'ratio', relativeTo, bound: { op: '>=', value: 0.5 } }),
    ],
    notes: [
      `${spread(all('platform', 'perSecond'), '/s')} over ${spread(all('bare', 'perSecond'), '/s')}; p99 ${spread(all('platform', 'p99'), 'ms')} over ${spread(all('bare', 'p99'), 'ms')}`,
      `CPU of the process for one request: ${cpu('platform')} us, of the bare route ${cpu('bare')} us`,
    ],
  };
}
