import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { randomName } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { localKey, SealingRig, type SealingProcess, type TestTenant } from '../../../test/support/sealing-rig.js';
import { mintToken } from '../../../test/support/tokens.js';
import { systemContext } from '../../platform/context/context.js';
import { Envelope } from '../../platform/crypto/envelope.js';
import { TenantJob } from '../tenants/jobs/tenant.job.js';
import { RewrapSecretsJob } from './jobs/rewrap-secrets.job.js';
import { bindingOf } from './secret-binding.policy.js';
import { REWRAP_JOB } from './secret-rewrap.js';

let rig: SealingRig;
beforeEach(async () => { rig = await SealingRig.create(); });
afterEach(() => rig.stop());

/** Secrets `s0`, `s1`... of two versions each. */
async function fill(one: SealingProcess, tenant: TestTenant, secrets: number): Promise<void> {
  for (let index = 0; index < secrets; index += 1) {
    for (const version of [1, 2]) expect((await one.operator.put(`${tenant.path}/s${index}`, { data: { A: `${index}-${version}` } })).status).toBeLessThan(300);
  }
}

/** More rows than a batch holds, sealed as the service seals them. */
async function fillDirectly(one: SealingProcess, tenant: TestTenant, secrets: number): Promise<void> {
  const envelope = one.plane.app.get(Envelope);
  const ids = await rig.sql<{ id: string }>(one, `INSERT INTO secret (tenant_id, id, name, keys, current_version)
    SELECT $1, gen_random_uuid(), 'bulk-' || n, '{A}', 1 FROM generate_series(1, $2::integer) n RETURNING id`, [tenant.context.tenantId, secrets]);
  const sealed = await Promise.all(ids.map(({ id }) => envelope.seal(Buffer.from(JSON.stringify({ A: id })), bindingOf(tenant.context.tenantId, id, 1))));
  await rig.sql(one, `INSERT INTO secret_version (tenant_id, secret_id, number, key_id, wrapped_key, sealed) SELECT $1, f.id, 1, f.key_id, f.wrapped_key, f.sealed FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[]) f (id, key_id, wrapped_key, sealed)`,
    [tenant.context.tenantId, ids.map(({ id }) => id), sealed.map(({ keyId }) => keyId), sealed.map(({ wrappedKey }) => wrappedKey), sealed.map((each) => each.sealed)]);
}

async function everyRowOpens(one: SealingProcess): Promise<number> {
  const rows = await rig.sql<{ tenant: string; secret: string; number: number; keyId: string; wrappedKey: Buffer; sealed: Buffer }>(one,
    'SELECT tenant_id AS tenant, secret_id AS secret, number, key_id AS "keyId", wrapped_key AS "wrappedKey", sealed FROM secret_version');
  await one.plane.app.get(Envelope).openAll(rows.map((row) => ({ ...row, boundTo: bindingOf(row.tenant, row.secret, row.number) })));
  return rows.length;
}

function done(one: SealingProcess, withinMs = 20_000) {
  return eventually(async () => {
    const { body } = await one.operator.get('/v1/encryption');
    expect(body.rewrap.state).toBe('done');
    return body;
  }, { withinMs });
}

describe('the rotation of the key-encryption key', () => {
  it('gives every version the new key, says how far it is, and retires the old one', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(first);
    await fill(first, tenant, 6);
    const before = await rig.sql(first, 'SELECT secret_id, number, sealed FROM secret_version ORDER BY secret_id, number');
    await first.stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    expect((await second.operator.get('/v1/encryption')).body).toMatchObject({
      sealingKey: 'k2', pending: 12, keys: [{ id: 'k1', provider: 'local', state: 'active', sealing: false, available: true, versions: 12 }, { id: 'k2', sealing: true, versions: 0 }],
    });
    const asked = await second.operator.post('/v1/encryption/rewrap');
    expect([asked.status, asked.body.rewrap]).toMatchObject([202, { state: 'running', targetKey: 'k2', total: 12, rewrapped: 0 }]);
    second.work();
    const body = await done(second);
    expect(body).toMatchObject({ pending: 0, rewrap: { total: 12, rewrapped: 12, unreadable: 0, finishedAt: expect.any(String) }, keys: [{ id: 'k1', state: 'retired', versions: 0, retiredAt: expect.any(String) }, { id: 'k2', state: 'active', versions: 12 }] });
    // The values were not touched, and open under the new key alone.
    expect(await rig.sql(second, 'SELECT secret_id, number, sealed FROM secret_version ORDER BY secret_id, number')).toEqual(before);
    await second.stop();
    const third = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k2 });
    expect(await everyRowOpens(third)).toBe(12);
    expect((await third.resolve(tenant, 's3')).secret).toEqual({ A: '3-2' });
    const audit = await rig.sql<{ action: string }>(third, `SELECT action FROM audit_entry WHERE target_kind = 'encryption-key' ORDER BY at`);
    expect(audit.map(({ action }) => action)).toEqual(['encryption.rewrap', 'encryption.key-retire']);
  });

  it('is told with all that it did, also to who asks at its last moment', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    await fill(first, await rig.tenant(first), 1);
    await first.stop();
    const one = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    expect((await one.operator.post('/v1/encryption/rewrap')).status).toBe(202);
    const asked = await one.plane.database.transaction(systemContext('test'), async (manager) => {
      await manager.query('LOCK TABLE rewrap_run IN ACCESS EXCLUSIVE MODE');
      // Not awaited here: it is answered once this transaction has ended.
      const answer = one.operator.get('/v1/encryption');
      await eventually(async () => expect(await rig.sql(one, `SELECT pid FROM pg_locks WHERE relation = 'rewrap_run'::regclass AND NOT granted`)).toHaveLength(1), { withinMs: 5_000, everyMs: 10 });
      await manager.query(`UPDATE secret_version SET key_id = 'k2'`);
      await manager.query(`UPDATE encryption_key SET state = 'retired', retired_at = now() WHERE id = 'k1'`);
      await manager.query('UPDATE rewrap_run SET finished_at = now(), parts_left = $1, rewrapped = 2', [[]]);
      return { answer };
    });
    expect(await asked.answer).toMatchObject({ body: { pending: 0, rewrap: { state: 'done' }, keys: [{ id: 'k1', state: 'retired', versions: 0 }, { id: 'k2', versions: 2 }] } });
  });

  it('goes the same way over GraphQL, for operators alone', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    await fill(first, await rig.tenant(first), 2);
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    const rewrap = 'mutation($input: RewrapSecretsInput!) { rewrapSecrets(input: $input) { encryption { pending rewrap { state targetKey total } } userErrors { code } } }';
    expect((await second.operator.graphql(rewrap, { input: {} })).body.data.rewrapSecrets).toEqual({ encryption: { pending: 4, rewrap: { state: 'RUNNING', targetKey: 'k2', total: 4 } }, userErrors: [] });
    second.work();
    await done(second);
    const read = await second.operator.graphql('{ encryption { sealingKey pending keys { id provider state sealing available versions } rewrap { state rewrapped unreadable } } }');
    expect(read.body.data.encryption).toMatchObject({ sealingKey: 'k2', pending: 0, keys: [{ id: 'k1', provider: 'LOCAL', state: 'RETIRED' }, { id: 'k2', versions: 4 }], rewrap: { state: 'DONE', rewrapped: 4, unreadable: 0 } });
    const auditor = second.client(await mintToken({ roles: ['auditor'] }));
    expect([(await auditor.get('/v1/encryption')).status, (await auditor.post('/v1/encryption/rewrap')).status]).toEqual([200, 403]);
    const person = second.client(await mintToken());
    expect([(await person.get('/v1/encryption')).status, (await person.post('/v1/encryption/rewrap')).status, (await person.graphql(rewrap, { input: {} })).body.errors[0].extensions.code]).toEqual([403, 403, 'PERMISSION_DENIED']);
  });

  it('works while secrets are written and deleted, by several workers at once', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const old = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(old);
    await old.operator.patch(`/v1/tenants/${tenant.name}/quota`, { overrides: { secrets: 10_000 } });
    await fillDirectly(old, tenant, 1500);
    const workers = await Promise.all([1, 2, 3].map(() => rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` })));
    await workers[0]!.operator.post('/v1/encryption/rewrap');
    for (const worker of workers) worker.work();
    let [version, gone] = [0, 0];
    const running = done(workers[0]!);
    let over = false;
    void running.finally(() => { over = true; }).catch(() => undefined);
    while (!over) {
      version += 1;
      expect((await workers[1]!.operator.put(`${tenant.path}/live`, { data: { A: String(version) } })).status).toBeLessThan(300);
      gone += 1;
      expect((await workers[2]!.operator.delete(`${tenant.path}/bulk-${gone}`)).status).toBe(204);
    }
    const body = await running;
    expect(body).toMatchObject({ pending: 0, rewrap: { unreadable: 0 } });
    expect(body.keys.map((key: { id: string; state: string }) => [key.id, key.state])).toEqual([['k1', 'retired'], ['k2', 'active']]);
    expect(await everyRowOpens(workers[0]!)).toBe(1500 - gone + Math.min(version, 10));
    expect((await workers[0]!.resolve(tenant, 'live')).secret).toEqual({ A: String(version) });
    // A process that still seals with the old key is stopped from it, and says why.
    const late = await old.operator.put(`${tenant.path}/late`, { data: { A: '1' } });
    expect([late.status, late.body.code]).toEqual([503, 'ENCRYPTION_KEY_RETIRED']);
    expect((await workers[0]!.operator.get(`${tenant.path}/late`)).status).toBe(404);
  });

  it('leaves rows that do not open as they are, tells them, and keeps their key', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(first);
    await fill(first, tenant, 3);
    await rig.sql(first, `UPDATE secret_version v SET wrapped_key = '\\x00' FROM secret s WHERE s.id = v.secret_id AND s.name = 's1' AND v.number = 1`);
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    await second.operator.post('/v1/encryption/rewrap');
    second.work();
    expect(await done(second)).toMatchObject({ pending: 1, rewrap: { rewrapped: 5, unreadable: 1 }, keys: [{ id: 'k1', state: 'active', versions: 1 }, { id: 'k2' }] });
  });

  it('waits for a worker that seals with the same key as the API', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const old = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    await fill(old, await rig.tenant(old), 2);
    const fresh = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    await fresh.operator.post('/v1/encryption/rewrap');
    old.work();
    await eventually(async () => {
      const items = await rig.sql<{ last_error: string | null }>(old, 'SELECT last_error FROM work_item WHERE kind = $1', [REWRAP_JOB]);
      expect(items.some(({ last_error }) => last_error?.startsWith('REWRAP_ELSEWHERE'))).toBe(true);
    }, { withinMs: 10_000 });
    expect((await fresh.operator.get('/v1/encryption')).body).toMatchObject({ pending: 4, rewrap: { state: 'running', rewrapped: 0 } });
    await old.stop();
    fresh.work();
    // The longer the other one tried, the longer the pause until it is this one's turn.
    expect((await done(fresh, 70_000)).pending).toBe(0);
  }, 100_000);
});

describe('a rewrap that is killed', () => {
  it('between any two statements goes on, and loses nothing', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    await fill(first, await rig.tenant(first), 8);
    await first.stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    await second.operator.post('/v1/encryption/rewrap');
    const { database } = second.plane;
    const statement = database.statement.bind(database);
    let [allowed, deaths] = [1, 0];
    // Each life of the worker ends one statement later than the one before, until one lives through.
    for (; deaths < 2_000; deaths += 1) {
      let left = allowed;
      database.statement = ((context, text, values) => {
        if (context.requestId === 'rewrap' && left-- <= 0) return Promise.reject(new Error('killed'));
        return statement(context, text, values);
      }) as typeof database.statement;
      try {
        for (const part of '0123456789abcdef') await runPart(second, part);
        break;
      } catch (error) {
        expect((error as Error).message).toBe('killed');
        allowed += 1;
      }
      if (deaths % 10 === 0) expect(await everyRowOpens(second)).toBe(16);
    }
    database.statement = statement;
    expect(deaths).toBeGreaterThan(20);
    expect((await second.operator.get('/v1/encryption')).body).toMatchObject({ pending: 0, rewrap: { state: 'done', rewrapped: 16, unreadable: 0 }, keys: [{ state: 'retired' }, { versions: 16 }] });
    expect(await everyRowOpens(second)).toBe(16);
  });

  it('by kill -9 goes on in another process', { timeout: 120_000 }, async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(first);
    await fillDirectly(first, tenant, 6_000);
    await first.stop();
    const keys = { FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` };
    const watcher = await rig.start(keys);
    await watcher.operator.post('/v1/encryption/rewrap');
    let killedOnTheWay = 0;
    for (let life = 0; life < 3; life += 1) {
      const child = await startWorker(rig.environment(keys));
      const { rewrapped } = (await watcher.operator.get('/v1/encryption')).body.rewrap as { rewrapped: number };
      await eventually(async () => {
        const [row] = await rig.sql<{ rewrapped: string; finished: boolean }>(watcher, 'SELECT rewrapped, finished_at IS NOT NULL AS finished FROM rewrap_run');
        expect(row!.finished || Number(row!.rewrapped) > rewrapped).toBe(true);
      }, { withinMs: 30_000, everyMs: 2 });
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      if (await everyRowOpens(watcher) !== 6_000) throw new Error('a version was lost');
      if ((await watcher.operator.get('/v1/encryption')).body.pending > 0) killedOnTheWay += 1;
      // What the dead one had claimed is free once its lease has run out.
      await rig.sql(watcher, `UPDATE work_item SET visible_at = clock_timestamp() WHERE kind = $1`, [REWRAP_JOB]);
    }
    expect(killedOnTheWay).toBeGreaterThan(0);
    watcher.work();
    expect(await done(watcher, 60_000)).toMatchObject({ pending: 0, rewrap: { unreadable: 0 } });
    expect(await everyRowOpens(watcher)).toBe(6_000);
  });
});

describe('an id of a key', () => {
  it('stands for one key: a process with another one does not start', async () => {
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k1') });
    await first.stop();
    await expect(rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k1') })).rejects.toThrow(/encryption key k1 is not the key that was used under this id before/);
    await expect(rig.start({ FNPLANE_ENCRYPTION_KEYS: `${localKey('k2')},${localKey('k1')}` })).rejects.toThrow(/k1 is not the key/);
  });

  it('from before there was a register is proved on the rows it sealed', async () => {
    const k1 = localKey('k1');
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(first);
    await fill(first, tenant, 1);
    await rig.sql(first, 'UPDATE encryption_key SET check_value = NULL');
    await first.stop();
    await expect(rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k1') })).rejects.toThrow(/k1 is not the key/);
    await (await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 })).stop();
    const third = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    expect(await rig.sql(third, 'SELECT id FROM encryption_key WHERE check_value IS NOT NULL')).toEqual([{ id: 'k1' }]);
  });

  it('does not come back once it is retired', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    await (await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 })).stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` });
    await second.operator.post('/v1/encryption/rewrap');
    second.work();
    await done(second);
    await second.stop();
    await expect(rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k1},${k2}` })).rejects.toThrow(/encryption key k1 is retired/);
    // To open with it does no harm.
    await (await rig.start({ FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` })).stop();
    await expect(systemDelete()).rejects.toThrow(/permission denied/);
  });

  it('that rows need and nobody configured is told, and takes down no more than those rows', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(first);
    await first.operator.put(`${tenant.path}/old`, { data: { A: '1' } });
    await first.stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k2 });
    expect((await second.operator.put(`${tenant.path}/new`, { data: { A: '2' } })).status).toBe(201);
    expect((await second.resolve(tenant, 'new')).secret).toEqual({ A: '2' });
    await expect(second.resolve(tenant, 'old')).rejects.toMatchObject({ code: 'SECRET_UNREADABLE', kind: 'unavailable' });
    expect((await second.operator.get(`${tenant.path}/old`)).body).toMatchObject({ name: 'old', version: 1 });
    expect((await second.operator.get('/v1/encryption')).body.keys).toMatchObject([{ id: 'k1', available: false, versions: 1 }, { id: 'k2', available: true }]);
    await second.operator.post('/v1/encryption/rewrap');
    second.work();
    expect(await done(second)).toMatchObject({ pending: 1, rewrap: { unreadable: 1 }, keys: [{ id: 'k1', state: 'active' }, {}] });
    // The new version of the old secret is sealed with the key that is there.
    expect((await second.operator.put(`${tenant.path}/old`, { data: { A: '3' } })).body.version).toBe(2);
    expect((await second.resolve(tenant, 'old')).secret).toEqual({ A: '3' });
  });
});

describe('kept answers', () => {
  it('are replayed after the rotation of the key', async () => {
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k1') });
    const tenant = await rig.tenant(first);
    const headers = { 'idempotency-key': randomName('key') };
    const body = { name: 'deployer', role: 'developer' };
    const made = await first.operator.post(`/v1/tenants/${tenant.name}/api-keys`, body, { headers });
    expect(made.status).toBe(201);
    await first.stop();
    const second = await rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k2') });
    const again = await second.operator.post(`/v1/tenants/${tenant.name}/api-keys`, body, { headers });
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true']);
    expect(again.body).toEqual(made.body);
  });

  it('and all sealed values and data keys of a tenant are gone with it, from every table', async () => {
    const one = await rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k1') });
    const [gone, stays] = [await rig.tenant(one), await rig.tenant(one)];
    for (const tenant of [gone, stays]) {
      for (const name of ['a', 'b']) await one.operator.put(`${tenant.path}/${name}`, { data: { A: '1' } }, { headers: { 'idempotency-key': randomName('key') } });
    }
    const sealed = await rig.sql<{ bytes: Buffer }>(one, 'SELECT wrapped_key AS bytes FROM secret_version WHERE tenant_id = $1 UNION ALL SELECT sealed FROM secret_version WHERE tenant_id = $1 UNION ALL SELECT body FROM idempotency_key WHERE scope LIKE $2',
      [gone.context.tenantId, `%@${gone.context.tenantId}`]);
    expect(sealed).toHaveLength(6);
    expect(await tablesWith(one, sealed)).toEqual(['idempotency_key', 'secret_version']);
    expect((await one.operator.delete(`/v1/tenants/${gone.name}`, { headers: { 'idempotency-key': randomName('key') } })).status).toBe(202);
      await eventually(async () => {
      await one.plane.app.get(TenantJob, { strict: false }).handle(gone.context.tenantId);
      expect((await one.operator.get(`/v1/tenants/${gone.name}`)).status).toBe(404);
    }, { withinMs: 10_000 });
    expect(await tablesWith(one, sealed)).toEqual([]);
    expect(await rig.sql(one, 'SELECT FROM idempotency_key WHERE scope LIKE $1', [`%@${gone.context.tenantId}`])).toEqual([]);
    expect(await rig.sql(one, 'SELECT FROM secret_version')).toHaveLength(2);
  });
});

async function runPart(one: SealingProcess, part: string): Promise<void> {
  await one.plane.app.get(RewrapSecretsJob, { strict: false }).handle(part, new AbortController().signal);
}

async function systemDelete(): Promise<void> {
  const one = await rig.start({ FNPLANE_ENCRYPTION_KEYS: localKey('k9') });
  await one.plane.database.statement(systemContext('test'), 'DELETE FROM encryption_key');
}

async function startWorker(environment: Record<string, string>): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['test/support/rewrap-worker.mjs'], { env: { ...environment, PATH: process.env.PATH ?? '', FNPLANE_LOG_LEVEL: 'error' }, stdio: ['ignore', 'pipe', 'inherit'] });
  await Promise.race([once(child.stdout, 'data'), pause(20_000, undefined, { ref: false }).then(() => { throw new Error('the worker did not start'); })]);
  return child;
}

/** Names of the tables that hold one of the byte strings in any column. */
async function tablesWith(one: SealingProcess, needles: readonly { bytes: Buffer }[]): Promise<string[]> {
  const tables = await rig.sql<{ name: string }>(one, `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'migrations' ORDER BY relname`);
  const found: string[] = [];
  for (const { name } of tables) {
    const [row] = await one.plane.database.dataSource.query<{ text: string | null }[]>(`SELECT string_agg(t::text, E'\\n') AS text FROM ${name} t`);
    if (needles.some(({ bytes }) => row!.text?.includes(bytes.toString('hex')))) found.push(name);
  }
  return found;
}
