import { Client } from 'pg';
import { httpMessage, LoadGenerator } from '../harness/load.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, type Findings } from '../harness/result.ts';
import { until } from '../harness/until.ts';
import type { AccessStage } from './stage.ts';

const REQUESTS = 2_000;
/** Transactions that are not the requests': leases of rate limits, lookups when a cached answer ages. */
const OTHERS_SHARE = 0.05;
/** Postgres's backends report what they did within a second of it. */
const REPORTED_MS = 1_500;

/** Round trips to Postgres for a request whose API key is known: the handler's own and none for the key. */
export async function benchCachedKey({ ground, api, tenant, functionName, signal }: AccessStage): Promise<Findings> {
  const steal = watchSteal();
  const load = await LoadGenerator.start();
  const server = new URL(ground.databaseUrl);
  const database = server.pathname.slice(1);
  server.pathname = '/postgres';
  const client = new Client({ connectionString: server.toString() });
  await client.connect();
  try {
    const message = httpMessage('GET', `/v1/tenants/${tenant.name}/functions/${functionName}`, { 'x-api-key': tenant.apiKey });
    const target = { host: '127.0.0.1', port: Number(new URL(api.api).port), message };
    const run = (requests: number) => load.run(target, { connections: 4, requests, seconds: 30 });
    await run(200);
    const before = await settled(client, database, signal);
    const { requests } = await run(REQUESTS);
    const after = await settled(client, database, signal);
    const extra = (after - before) / requests - 1;
    return {
      steal: steal(),
      results: [buildResult({ name: 'round trips for a cached API key', figure: Math.max(0, extra), unit: 'per request', bound: { op: '<=', value: OTHERS_SHARE } })],
      notes: [`${after - before} transactions for ${requests} requests, of which one each is the handler's own`],
    };
  } finally {
    await client.end();
    await load.stop();
  }
}

/** Committed transactions of the platform's database once all backends have reported theirs; asked from another one, so that asking does not count. */
async function settled(client: Client, database: string, signal: AbortSignal): Promise<number> {
  let last = -1;
  let since = performance.now();
  return until<number>('a steady count of transactions', async () => {
    const { rows } = await client.query<{ count: string }>('SELECT xact_commit AS count FROM pg_stat_database WHERE datname = $1', [database]);
    const transactions = Number(rows[0]!.count);
    if (transactions !== last) since = performance.now();
    last = transactions;
    return performance.now() - since > REPORTED_MS ? { found: transactions } : { seen: String(transactions) };
  }, { withinMs: 20_000, everyMs: 250, signal });
}
