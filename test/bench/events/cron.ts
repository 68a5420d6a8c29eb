import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { Child } from '../harness/child.ts';
import { cpuMs, watchSteal } from '../harness/machine.ts';
import { apiEnvironment } from '../harness/platform-process.ts';
import { buildResult, median, spread, type Findings } from '../harness/result.ts';
import { until } from '../harness/until.ts';
import { expectStatus } from '../stage/stage.ts';
import type { CronWorkerSettings } from './cron-worker.ts';
import { FUNCTION, type EventsStage } from './stage.ts';

const TENANTS = 5;
/** As many as a tenant may have. */
const OF_EACH = 200;
const SCHEDULES = TENANTS * OF_EACH;
const BOUND_SECONDS = 2;
const LONGEST_ROUND_MS = 60_000;

/** Answers at once in a gateway's place, and remembers when it was first asked for each due time. */
class Gateway {
  readonly started = new Map<string, number>();
  readonly #server: Server = createServer((request, response) => {
    const id = String(request.headers['x-request-id']);
    if (!this.started.has(id)) this.started.set(id, Date.now());
    request.resume().once('end', () => response.writeHead(200, { 'x-fnplane-served-by': `${FUNCTION.name}@1` }).end('{}'));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** From the second in which 1,000 schedules are due until the request of the last one of them has reached the gateway: one worker, five tenants, schedules that all differ. */
export async function benchCron(stage: EventsStage): Promise<Findings> {
  const { ground, keys, api, folder } = stage;
  for (let index = 0; index < TENANTS; index++) {
    expectStatus(await api.operator.post('/v1/tenants', { name: `cron-${index}` }), 202);
    expectStatus(await api.operator.post(`/v1/tenants/cron-${index}/functions`, FUNCTION), 202);
  }
  const gateway = new Gateway();
  const settings: CronWorkerSettings = { environment: { ...apiEnvironment(ground, keys), FNPLANE_ROLES: 'worker', FNPLANE_MIGRATE: 'never', FNPLANE_RUNTIME_IMAGES: JSON.stringify({ python: 'none', node: 'none', go: 'none' }), FNPLANE_GATEWAY_URL: await gateway.start() } };
  const client = new Client({ connectionString: ground.databaseUrl });
  await client.connect();
  let worker: Child | undefined;
  try {
    await addSchedules(client);
    worker = await Child.start(new URL('cron-worker.ts', import.meta.url), settings, join(folder, 'cron-worker.log'));
    return await measure(stage, client, gateway, worker.pid);
  } finally {
    await worker?.stop();
    await gateway.stop();
    await client.query('DELETE FROM cron_trigger').catch(() => undefined);
    await client.end();
  }
}

async function measure({ rounds, progress, signal }: EventsStage, client: Client, gateway: Gateway, workerPid: number): Promise<Findings> {
  const steal = watchSteal();
  const [last, middle, cpu]: [number[], number[], number[]] = [[], [], []];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    signal.throwIfAborted();
    const before = cpuMs(workerPid);
    const waits = await runRound(client, gateway, signal);
    if (round === 0) continue;
    last.push(waits.at(-1)! / 1000);
    middle.push(waits[waits.length >> 1]!);
    cpu.push(cpuMs(workerPid) - before);
    progress.say(`  round ${round}: the last after ${Math.round(waits.at(-1)!)} ms`);
  }
  return {
    steal: steal(),
    results: [buildResult({ name: `${SCHEDULES} schedules of one second, until the last started`, figure: median(last), unit: 's', bound: { op: '<=', value: BOUND_SECONDS } })],
    notes: [`the last after ${spread(last, 's')}, half of them after ${spread(middle, 'ms')}; CPU of the worker until all were recorded ${spread(cpu, 'ms')}`],
  };
}

async function addSchedules(client: Client): Promise<void> {
  await client.query(
    `INSERT INTO cron_trigger (tenant_id, id, name, function_id, settings, version, created_at, updated_at)
     SELECT fn.tenant_id, gen_random_uuid(), 'c-' || number, fn.id, jsonb_build_object('schedule', (number % 60) || ' ' || (number % 24) || ' ' || (1 + number % 28) || ' * *', 'timeZone', 'Europe/Berlin', 'body', 'tick', 'maxAttempts', 1), 1, now(), now()
     FROM function fn JOIN tenant ON tenant.id = fn.tenant_id, generate_series(1, $1::integer) AS number WHERE tenant.name LIKE 'cron-%'`, [OF_EACH]);
}

/** @returns ms after the due second, in rising order */
async function runRound(client: Client, gateway: Gateway, signal: AbortSignal): Promise<number[]> {
  gateway.started.clear();
  await client.query('DELETE FROM async_invocation');
  const { rows: [due] } = await client.query<{ at: Date }>(`SELECT date_trunc('second', clock_timestamp()) + interval '3 seconds' AS at`);
  await client.query('UPDATE cron_trigger SET next_run_at = $1', [due!.at]);
  await client.query(`SELECT pg_notify('fnplane_work', 'cron-triggers')`);
  await until('all runs', async () => {
    const { rows: [left] } = await client.query<{ count: number }>(`SELECT count(*)::int AS count FROM async_invocation WHERE state = 'succeeded'`);
    return left!.count === SCHEDULES ? { found: true } : { seen: `${left!.count} of ${SCHEDULES}` };
  }, { withinMs: LONGEST_ROUND_MS, everyMs: 100, signal });
  if (gateway.started.size !== SCHEDULES) throw new Error(`${gateway.started.size} requests for ${SCHEDULES} due times`);
  return [...gateway.started.values()].map((at) => at - due!.at.getTime()).sort((a, b) => a - b);
}
