import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { PYTHON } from '../../../test/support/contract/examples.js';
import { EventStream } from '../../../test/support/event-stream.js';
import { eventually } from '../../../test/support/eventually.js';
import { addKey, addMember, makeTeam, type Team } from '../../../test/support/teams.js';
import { systemContext } from '../../platform/context/context.js';
import type { Database } from '../../platform/database/database.js';
import { CleanLogsJob } from './jobs/clean-logs.job.js';
import { readText } from './log-line.policy.js';
import type { LogText } from './log-text.js';
import { LogsParticipant } from './logs.participant.js';
import { LogCleaningRepository } from './store/log-cleaning.repository.js';
import { LogIntakeRepository, type LogSource } from './store/log-intake.repository.js';
import { LogLeasesRepository } from './store/log-leases.repository.js';

const SYSTEM = systemContext('test');
const MS = 1_000_000n;
const START = Date.parse('2026-11-26T10:00:00Z');
const FIELDS = 'position time level message requestId fields revision pod cluster';

let api: TestApi;
let database: Database;
let intake: LogIntakeRepository;

beforeAll(async () => {
  api = await startApi();
  ({ database } = api.plane);
  intake = new LogIntakeRepository(database);
});
afterAll(() => api.stop());

interface Written {
  team: Team;
  name: string;
  path: string;
  source: LogSource;
  /** Writes lines as a collector would, a second apart. */
  write(...lines: string[]): Promise<void>;
}

async function written(): Promise<Written> {
  const team = await makeTeam(api);
  const name = randomName('fn');
  const { body } = await team.owner.post(`${team.path}/functions`, { name, ...PYTHON });
  const source = { tenantId: team.id, functionId: body.id as string, revision: 1, cluster: 'tests', pod: `${name}-r00001-x`, podUid: randomUUID() };
  let from = await intake.open(SYSTEM, source) ?? 0n;
  let at = BigInt(START) * MS;
  return {
    team, name, source, path: `${team.path}/functions/${name}/logs`,
    write: async (...lines) => {
      const texts = lines.map((text) => readText({ at: (at += 1_000n * MS), text }));
      expect([...await intake.write(SYSTEM, source.tenantId, [{ source, texts, from, to: at }])]).toEqual([source.podUid]);
      from = at;
    },
  };
}

const line = (message: string, more: Record<string, unknown> = {}): string => JSON.stringify({ level: 'info', message, ...more });
const messages = (items: { message: string }[]): string[] => items.map(({ message }) => message);
const text = (at: bigint, message: string): LogText => readText({ at, text: message });

describe('what is collected', () => {
  it('is written once, whoever brings it how often, and each tenant counts for itself', async () => {
    const { source, team, path } = await written();
    const part = { source, texts: [text(5n, 'a'), text(6n, 'b')], from: 0n, to: 7n };
    expect(await intake.write(SYSTEM, team.id, [part])).toEqual(new Set([source.podUid]));
    expect(await intake.write(SYSTEM, team.id, [part])).toEqual(new Set());
    expect(await intake.open(SYSTEM, source)).toBe(7n);
    const both = await Promise.all([1, 2].map(() => intake.write(SYSTEM, team.id, [{ source, texts: [text(8n, 'c')], from: 7n, to: 8n }])));
    expect(both.map(({ size }) => size).sort()).toEqual([0, 1]);
    const { body } = await team.owner.get(path);
    expect(body.items.map(({ position, message }: { position: string; message: string }) => [position, message])).toEqual([['1', 'a'], ['2', 'b'], ['3', 'c']]);
  });

  it('is nothing of functions that are gone, or another tenant\'s', async () => {
    const [one, other] = [await written(), await written()];
    expect(await intake.open(SYSTEM, { ...one.source, functionId: randomUUID(), podUid: randomUUID() })).toBeNull();
    expect(await intake.open(SYSTEM, { ...one.source, functionId: other.source.functionId, podUid: randomUUID() })).toBeNull();
    const foreign = { source: { ...other.source, tenantId: one.source.tenantId }, texts: [text(5n, 'x')], from: 0n, to: 5n };
    expect(await intake.write(SYSTEM, one.source.tenantId, [foreign])).toEqual(new Set());
    expect((await other.team.owner.get(other.path)).body.items).toEqual([]);
  });

  it('is held by one process a cluster', async () => {
    const leases = new LogLeasesRepository(database);
    const cluster = randomUUID();
    await database.statement(SYSTEM, `INSERT INTO cluster (id, name, region, state) VALUES ($1, $2, 'here', 'active')`, [cluster, randomName('c')]);
    const [a, b] = [randomUUID(), randomUUID()];
    expect([await leases.take(SYSTEM, cluster, a, 60_000), await leases.take(SYSTEM, cluster, b, 60_000), await leases.take(SYSTEM, cluster, a, 0)]).toEqual([true, false, true]);
    await eventually(async () => expect(await leases.take(SYSTEM, cluster, b, 60_000)).toBe(true), { withinMs: 5_000 });
    await leases.release(SYSTEM, cluster, b);
    expect(await leases.take(SYSTEM, cluster, a, 60_000)).toBe(true);
  });
});

describe.each(['REST', 'GraphQL'] as const)('a log by %s', (transport) => {
  let log: Written;
  beforeAll(async () => {
    log = await written();
    await log.write('plain', line('reserved', { requestId: 'r-1', order: 'O-77' }), line('100% of_it', { level: 'warn', requestId: 'r-2' }));
    log.source.revision = 2;
    await log.write('Error: boom\n    at handle', line('done', { requestId: 'r-1' }));
  });

  async function list(client: HttpClient, filter: Record<string, unknown> = {}): Promise<{ items: Record<string, unknown>[]; next: string | null; code?: string }> {
    if (transport === 'REST') {
      const { body } = await client.get(`${log.path}?${new URLSearchParams(Object.fromEntries(Object.entries(filter).map(([key, value]) => [{ first: 'limit', after: 'cursor' }[key] ?? key, String(value)])))}`);
      return { items: body.items, next: body.nextCursor, code: body.code };
    }
    const types: Record<string, string> = { first: 'Int', after: 'String', tail: 'Int', revision: 'Int', since: 'DateTime', until: 'DateTime', requestId: 'String', text: 'String', level: 'LogLevel' };
    const names = Object.keys(filter);
    const { body } = await client.graphql(
      `query($tenant: String!, $function: String!${names.map((name) => `, $${name}: ${types[name]}`).join('')}) { functionLogs(tenant: $tenant, function: $function${names.map((name) => `, ${name}: $${name}`).join('')}) { nodes { ${FIELDS} } pageInfo { hasNextPage endCursor } } }`,
      { tenant: log.team.name, function: log.name, ...filter, ...(filter.level ? { level: String(filter.level).toUpperCase() } : {}) });
    const { nodes, pageInfo } = body.data?.functionLogs ?? {};
    return { items: nodes, next: pageInfo?.hasNextPage ? pageInfo.endCursor : null, code: body.errors?.[0].extensions.code };
  }

  it('tells what was printed, newest last', async () => {
    const { items, next } = await list(log.team.owner);
    expect(messages(items as never)).toEqual(['plain', 'reserved', '100% of_it', 'Error: boom\n    at handle', 'done']);
    expect(next).toBeNull();
    expect(items[1]).toEqual({ position: '2', time: '2026-11-26T10:00:02.000Z', level: transport === 'REST' ? 'info' : 'INFO', message: 'reserved', requestId: 'r-1', fields: { order: 'O-77' }, revision: 1, pod: log.source.pod, cluster: 'tests' });
  });

  it.each([
    [{ requestId: 'r-1' }, ['reserved', 'done']],
    [{ revision: 2 }, ['Error: boom\n    at handle', 'done']],
    [{ level: 'warn' }, ['100% of_it']],
    [{ text: 'BOOM' }, ['Error: boom\n    at handle']],
    [{ text: '0% OF_' }, ['100% of_it']],
    [{ text: '%' }, ['100% of_it']],
    [{ text: 'o-77' }, ['reserved']],
    [{ text: '\\' }, []],
    [{ since: '2026-11-26T10:00:02Z', until: '2026-11-26T10:00:04Z' }, ['reserved', '100% of_it']],
    [{ tail: 2 }, ['Error: boom\n    at handle', 'done']],
    [{ tail: 1, requestId: 'r-2' }, ['100% of_it']],
  ])('answers what is asked for: %j', async (filter, expected) => {
    expect(messages((await list(log.team.owner, filter)).items as never)).toEqual(expected);
  });

  it('comes page by page, each entry once', async () => {
    const seen: string[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page = await list(log.team.owner, { first: 2, ...(after ? { after } : {}) });
      seen.push(...messages(page.items as never));
      after = page.next;
    }
    expect(seen).toHaveLength(5);
    expect((await list(log.team.owner, { after: 'bogus' })).code).toBe('CURSOR_INVALID');
  });

  it('is for those who may read it', async () => {
    const [viewer, billing] = [await addMember(api, log.team, 'viewer'), await addMember(api, log.team, 'billing')];
    expect((await list(viewer.client, { tail: 1 })).items).toHaveLength(1);
    expect((await list(billing.client)).code).toBe('PERMISSION_DENIED');
    expect((await list((await makeTeam(api)).owner)).code).toBe('TENANT_NOT_FOUND');
  });
});

describe('a log that is followed', () => {
  it('gives what there is, then what comes, and goes on where it was left', async () => {
    const log = await written();
    await log.write('one', 'two', 'three');
    const stream = await EventStream.open(log.team.owner, `${log.path}?tail=2`);
    await stream.until(({ messages: seen }) => seen.length === 2);
    expect(stream.contentType).toBe('text/event-stream');
    const before = performance.now();
    await log.write('four');
    await stream.until(({ messages: seen }) => seen.length === 3);
    expect(stream.events.at(-1)!.at - before).toBeLessThan(2_000);
    expect(stream.events.map(({ id, data }) => [id, data.message])).toEqual([['2', 'two'], ['3', 'three'], ['4', 'four']]);
    stream.close();
    await log.write('five');
    const again = await EventStream.open(log.team.owner, `${log.path}?follow=true`, { 'last-event-id': '3', accept: '*/*' });
    await again.until(({ messages: seen }) => seen.length === 2);
    expect(again.messages).toEqual(['four', 'five']);
    again.close();
  });

  it('gives only what is asked for, and nothing of others', async () => {
    const [log, other] = [await written(), await written()];
    const stream = await EventStream.open(log.team.owner, `${log.path}?requestId=r-1&tail=0`);
    await other.write(line('foreign', { requestId: 'r-1' }));
    await log.write(line('no', { requestId: 'r-2' }), line('yes', { requestId: 'r-1' }));
    await stream.until(({ messages: seen }) => seen.length > 0);
    expect(stream.messages).toEqual(['yes']);
    await expect(EventStream.open(other.team.owner, log.path)).rejects.toThrow(/^404 .*TENANT_NOT_FOUND/);
    await expect(EventStream.open(log.team.owner, log.path, { 'last-event-id': 'x' })).rejects.toThrow(/^422 .*LOG_POSITION_INVALID/);
    stream.close();
  });

  it('misses nothing that several write at once', async () => {
    const log = await written();
    const stream = await EventStream.open(log.team.owner, `${log.path}?tail=0`);
    await Promise.all(Array.from({ length: 4 }, async (_, pod) => {
      const source = { ...log.source, podUid: randomUUID() };
      for (let from = (await intake.open(SYSTEM, source))!; from < 50n; from += 1n) {
        await intake.write(SYSTEM, log.team.id, [{ source, texts: [text(from + 1n, `${pod}-${from}`)], from, to: from + 1n }]);
      }
    }));
    await stream.until(({ messages: seen }) => seen.length >= 200);
    expect(new Set(stream.messages).size).toBe(200);
    const positions = stream.events.map(({ id }) => Number(id));
    expect(positions).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    stream.close();
  });

  it('ends when the key is revoked, and when the function is gone', async () => {
    const log = await written();
    const key = await addKey(api, log.team, 'viewer');
    const [byKey, byOwner] = [await EventStream.open(key.client, log.path), await EventStream.open(log.team.owner, log.path)];
    await log.team.owner.delete(`${log.team.path}/api-keys/${key.id}`);
    await byKey.until(({ ended }) => ended, 20_000);
    expect(byKey.events.map(({ event }) => event)).toEqual(['end']);
    expect(byOwner.ended).toBe(false);
    await database.statement(SYSTEM, 'DELETE FROM function WHERE id = $1', [log.source.functionId]);
    await byOwner.until(({ ended }) => ended, 20_000);
  });

  it('is followed by so many and no more', async () => {
    const log = await written();
    const streams = await Promise.all(Array.from({ length: 50 }, () => EventStream.open(log.team.owner, log.path)));
    await expect(EventStream.open(log.team.owner, log.path)).rejects.toThrow(/^429 .*LOG_FOLLOWERS_TOO_MANY/);
    for (const stream of streams) stream.close();
    await eventually(async () => (await EventStream.open(log.team.owner, log.path)).close(), { withinMs: 10_000 });
  });
});

describe('what is kept', () => {
  const clean = (settings: Record<string, number>) => new CleanLogsJob(new LogCleaningRepository(database), { FNPLANE_LOG_DAYS: 7, FNPLANE_LOG_TENANT_BYTES: 2 ** 30, ...settings } as never);
  const handle = (job: CleanLogsJob): ReturnType<CleanLogsJob['handle']> => job.handle('all', new AbortController().signal);

  it('is no more of a tenant than it may be: the oldest goes', async () => {
    const [log, other] = [await written(), await written()];
    await log.write(...Array.from({ length: 40 }, (_, index) => `${index} ${'x'.repeat(870)}`));
    await other.write('small');
    await handle(clean({ FNPLANE_LOG_TENANT_BYTES: 20_000 }));
    const { body } = await log.team.owner.get(log.path);
    expect(body.items.length).toBeGreaterThan(15);
    expect(body.items.length).toBeLessThan(21);
    expect(body.items.at(-1).message).toMatch(/^39 /);
    expect((await other.team.owner.get(other.path)).body.items).toHaveLength(1);
  });

  it('goes when it is old, with what is known of pods that are', async () => {
    const log = await written();
    await log.write('old', 'young');
    await database.statement(SYSTEM, `UPDATE log_entry SET collected_at = clock_timestamp() - interval '8 days' WHERE tenant_id = $1 AND position = 1`, [log.team.id]);
    await database.statement(SYSTEM, `UPDATE log_volume SET swept_at = '-infinity' WHERE tenant_id = $1`, [log.team.id]);
    await database.statement(SYSTEM, `UPDATE log_source SET read_at = clock_timestamp() - interval '8 days' WHERE tenant_id = $1`, [log.team.id]);
    await handle(clean({}));
    expect(messages((await log.team.owner.get(log.path)).body.items)).toEqual(['young']);
    expect(await intake.open(SYSTEM, log.source)).toBe(0n);
  });

  it('goes with its function, and with its tenant', async () => {
    const log = await written();
    await log.write('bye');
    await database.statement(SYSTEM, 'DELETE FROM function WHERE id = $1', [log.source.functionId]);
    expect(await database.statement(SYSTEM, 'SELECT FROM log_entry WHERE tenant_id = $1', [log.team.id])).toEqual([]);
    const participant = api.plane.app.get(LogsParticipant, { strict: false });
    expect(await participant.teardown({ tenantId: log.team.id } as never)).toEqual({ done: true });
    expect(await database.statement(SYSTEM, 'SELECT FROM log_volume WHERE tenant_id = $1', [log.team.id])).toEqual([]);
  });
});
