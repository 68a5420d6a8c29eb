import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { registry } from '../../platform/observability/metrics.js';

const ROWS = 60_000;
const MIB = 1024 * 1024;

let api: TestApi;
let at: string;
beforeAll(async () => {
  api = await startApi();
  const name = randomName('team');
  const { body } = await api.operator.post('/v1/tenants', { name });
  at = `/v1/tenants/${name}`;
  await api.plane.database.dataSource.query(
    `INSERT INTO audit_entry (id, tenant_id, at, principal, action, target_kind, target_id, target_name, request_id, result, before_hash, after_hash)
     SELECT gen_random_uuid(), $1, date_trunc('milliseconds', now()) - (n / 3) * interval '20 seconds', 'user:https://issuer.example|person-' || n % 50, 'config.update', 'config', gen_random_uuid()::text,
       'settings-' || n, 'request-' || n, 'done', repeat('a', 64), repeat('b', 64) FROM generate_series(1, $2::int) n`, [body.id, ROWS]);
});
afterAll(() => api.stop());

async function running(): Promise<number> {
  return (await registry.getSingleMetric('fnplane_audit_exports_running')!.get()).values[0]?.value ?? 0;
}

/** An answer whose body is taken as it comes. */
async function open(path: string): Promise<IncomingMessage> {
  const request = get(`${api.url}${path}`, { headers: { authorization: `Bearer ${api.operator.token}` }, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** What is alive, after a collection. */
function collector(): () => number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  return () => {
    // Twice: what the first one only finalised (streams, sockets of earlier tests) goes with the second.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
}

describe('an export', () => {
  it('streams any number of entries in their order, with flat memory and an early first byte', async () => {
    const alive = collector();
    const samples = [alive()];
    const began = performance.now();
    const response = await open(`${at}/audit/export?format=ndjson`);
    expect([response.statusCode, response.headers['content-type'], response.headers['content-disposition']]).toEqual([200, 'application/x-ndjson', 'attachment; filename="audit.ndjson"']);
    let firstByte: number | undefined;
    let [bytes, lines, chunks] = [0, 0, 0];
    let rest = '';
    let last = '';
    for await (const chunk of response as AsyncIterable<Buffer>) {
      firstByte ??= performance.now() - began;
      bytes += chunk.length;
      const parts = (rest + chunk.toString('utf8')).split('\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const entry = JSON.parse(part) as { at: string; id: string };
        const position = `${entry.at} ${entry.id}`;
        if (position <= last) throw new Error(`${position} comes after ${last}`);
        last = position;
        lines += 1;
      }
      if ((chunks += 1) % 40 === 0) samples.push(alive());
    }
    const whole = performance.now() - began;
    expect(rest).toBe('');
    // The entry of the tenant's creation and its owner's are there too.
    expect(lines).toBeGreaterThanOrEqual(ROWS);
    expect(bytes).toBeGreaterThan(20 * MIB);
    expect(samples.length).toBeGreaterThan(5);
    expect((Math.max(...samples) - samples[0]!) / MIB).toBeLessThan(10);
    expect(firstByte! / whole).toBeLessThan(0.25);
    expect(await running()).toBe(0);
  });

  it('ends when the client leaves, and reads no further while it does not take what there is', async () => {
    const response = await open(`${at}/audit/export?format=csv`);
    response.pause();
    await once(response, 'readable');
    expect(await running()).toBe(1);
    response.destroy();
    await eventually(async () => await running() === 0 || Promise.reject(new Error('it is still being sent')), { withinMs: 5_000, everyMs: 20 });
    expect((await api.operator.get('/v1/me')).status).toBe(200);
  });

  it('is CSV that spreadsheets can open without harm', async () => {
    await api.operator.delete(`${at}/configs/${encodeURIComponent('=cmd|"/c calc"!A1')}`);
    const answer = await api.operator.get(`${at}/audit/export?format=csv&result=refused`);
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
    const [head, line, end] = (answer.body as Buffer).toString('utf8').split('\r\n');
    expect(head).toBe('id,tenantId,at,principal,action,targetKind,targetId,targetName,requestId,result,code,beforeHash,afterHash');
    expect(line).toMatch(/,config\.delete,config,,"'=cmd\|""\/c calc""!A1",[^,]+,refused,CONFIG_NOT_FOUND,,$/);
    expect(end).toBe('');
  });

  it('takes the filters of the list, and of the whole platform too', async () => {
    const principal = encodeURIComponent('user:https://issuer.example|person-7');
    const lines = async (path: string): Promise<{ targetName: string }[]> => {
      const body = (await (await open(path)).toArray() as Buffer[]).join('');
      return body.split('\n').filter(Boolean).map((line) => JSON.parse(line) as { targetName: string });
    };
    const range = `from=${new Date(Date.now() - 3_600_000).toISOString()}`;
    const own = await lines(`${at}/audit/export?principal=${principal}&${range}`);
    expect(own.length).toBeGreaterThan(5);
    expect(own.every(({ targetName }) => Number(targetName.split('-')[1]) % 50 === 7)).toBe(true);
    expect(await lines(`/v1/audit/export?principal=${principal}&${range}&tenant=${at.split('/').at(-1)}`)).toEqual(own);
    expect(await lines('/v1/audit/export?tenant=no-such-team')).toEqual([]);
  });

  it('is bound to a range', async () => {
    const refused = await api.operator.get(`${at}/audit/export?from=2020-01-01T00:00:00Z`);
    expect([refused.status, refused.body.code, refused.body.errors[0].pointer]).toEqual([422, 'AUDIT_RANGE_TOO_LONG', '?from']);
    expect((await api.operator.get(`/v1/audit/export?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z`)).body.code).toBe('AUDIT_RANGE_INVALID');
    expect((await api.operator.get(`${at}/audit/export?format=xml`)).status).toBe(422);
  });
});
