import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { LocalKms } from '../../../test/support/local-kms.js';
import { localKey, SealingRig, type SealingProcess, type TestTenant } from '../../../test/support/sealing-rig.js';
import { TransitServer } from '../../../test/support/transit-server.js';

let rig: SealingRig;
let kms: LocalKms;
let transit: TransitServer;
let folder: string;

beforeAll(async () => {
  kms = await LocalKms.start();
  folder = mkdtempSync(join(tmpdir(), 'fnplane-transit-'));
});
afterAll(async () => {
  await kms.stop();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  rig = await SealingRig.create();
  transit = new TransitServer();
  transit.createKey('fnplane');
  await transit.start();
});
afterEach(async () => {
  await rig.stop();
  await transit.stop();
});

const PUT = 'mutation($input: PutSecretInput!) { putSecret(input: $input) { secret { version } userErrors { code } } }';
const tokenFile = () => join(folder, 'token');

async function kmsSettings(): Promise<Record<string, string>> {
  return { FNPLANE_KEY_PROVIDER: 'aws-kms', FNPLANE_KMS_KEY: await kms.createKey(), FNPLANE_KMS_ENDPOINT: kms.url };
}

function vaultSettings(token = transit.issueToken()): Record<string, string> {
  writeFileSync(tokenFile(), `${token}\n`);
  return { FNPLANE_KEY_PROVIDER: 'vault-transit', FNPLANE_VAULT_ADDRESS: transit.url, FNPLANE_VAULT_TOKEN_FILE: tokenFile(), FNPLANE_VAULT_KEY: 'fnplane' };
}

const PROVIDERS: [string, () => Promise<Record<string, string>>, RegExp][] = [
  ['local', async () => ({ FNPLANE_ENCRYPTION_KEYS: localKey('k1') }), /^k1$/],
  ['aws-kms', kmsSettings, /^aws-kms:arn:aws:kms:eu-west-2:111122223333:key\/[-0-9a-f]+$/],
  ['vault-transit', async () => vaultSettings(), /^vault-transit:transit\/fnplane#1$/],
];

function rowsOf(one: SealingProcess): Promise<{ key_id: string; versions: number }[]> {
  return rig.sql(one, 'SELECT key_id, count(*)::integer AS versions FROM secret_version GROUP BY key_id');
}

async function rewrapped(one: SealingProcess) {
  const asked = await one.operator.post('/v1/encryption/rewrap');
  expect(asked.status).toBe(202);
  one.work();
  return eventually(async () => {
    const { body } = await one.operator.get('/v1/encryption');
    expect(body.rewrap.state).toBe('done');
    return body;
  }, { withinMs: 20_000 });
}

/** Puts the sealed columns of one row into another's place. */
async function swap(one: SealingProcess, from: string[], into: string[], columns: string[]): Promise<void> {
  const [, changed] = await rig.sql<unknown>(one, `UPDATE secret_version victim SET ${columns.map((name) => `${name} = source.${name}`).join(', ')}
    FROM secret_version source JOIN secret s ON s.id = source.secret_id, secret v
    WHERE v.id = victim.secret_id AND source.tenant_id = $1 AND s.name = $2 AND source.number = $3::integer AND victim.tenant_id = $4 AND v.name = $5 AND victim.number = $6::integer`, [...from, ...into]) as [unknown, number];
  expect(changed).toBe(1);
}

describe.each(PROVIDERS)('secrets sealed by %s', (_, settings, id) => {
  it('open where they belong, each version with a data key of its own', async () => {
    const one = await rig.start(await settings());
    const tenant = await rig.tenant(one);
    for (const value of ['first', 'second']) await one.operator.put(`${tenant.path}/db`, { data: { PASSWORD: value } });
    expect((await one.resolve(tenant, 'db')).secret).toEqual({ PASSWORD: 'second' });
    const rows = await rig.sql<{ key_id: string; wrapped: string }>(one, `SELECT key_id, encode(wrapped_key, 'hex') AS wrapped FROM secret_version`);
    expect(new Set(rows.map(({ wrapped }) => wrapped)).size).toBe(2);
    for (const row of rows) expect(row.key_id).toMatch(id);
    expect((await one.operator.get('/v1/encryption')).body).toMatchObject({ sealingKey: rows[0]!.key_id, pending: 0, keys: [{ sealing: true, available: true, versions: 2 }] });
  });

  it('do not open in the place of another tenant, secret or version', async () => {
    const one = await rig.start(await settings());
    const [mine, other] = [await rig.tenant(one), await rig.tenant(one)];
    const place = (tenant: TestTenant, name: string, version: number): string[] => [tenant.context.tenantId, name, String(version)];
    const opens = async (...names: string[]): Promise<unknown> => one.resolve(mine, ...names).then(({ secret }) => secret, (error: { code: string }) => error.code);
    const fill = async (): Promise<void> => {
      await rig.sql(one, 'DELETE FROM secret');
      for (const tenant of [mine, other]) for (const name of ['db', 'mq']) for (const value of ['1', '2']) await one.operator.put(`${tenant.path}/${name}`, { data: { A: value } });
    };
    for (const columns of [['key_id', 'wrapped_key', 'sealed'], ['wrapped_key'], ['sealed']]) {
      for (const from of [place(other, 'db', 2), place(mine, 'mq', 2), place(mine, 'db', 1)]) {
        await fill();
        expect(await opens('db')).toEqual({ A: '2' });
        await swap(one, from, place(mine, 'db', 2), columns);
        expect([columns, from, await opens('db')]).toEqual([columns, from, 'SECRET_UNREADABLE']);
        expect(await opens('mq')).toEqual({ A: '2' });
      }
    }
  });
});

describe.each([
  ['aws-kms', kmsSettings, () => kms.interrupt(), () => kms.resume()],
  ['vault-transit', async () => vaultSettings(), () => transit.stop(), () => transit.start()],
  ['vault-transit when it is sealed', async () => vaultSettings(), async () => { transit.sealed = true; }, async () => { transit.sealed = false; }],
] as const)('with %s away', (_, settings, interrupt, resume) => {
  it('secrets are neither written nor read, with 503 and a time to come back, and nothing is left half-written', async () => {
    const one = await rig.start(await settings());
    const tenant = await rig.tenant(one);
    await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } });
    await one.operator.put(`/v1/tenants/${tenant.name}/configs/plain`, { data: { B: '1' } });
    await interrupt();
    const state = (): Promise<unknown> => rig.sql(one, `SELECT (SELECT json_agg(s ORDER BY s.id) FROM secret s) AS secrets, (SELECT count(*) FROM secret_version) AS versions, (SELECT json_agg(q) FROM quota_reservation q) AS reserved,
      (SELECT count(*) FROM audit_entry) AS audit, (SELECT count(*) FROM idempotency_key) AS kept`);
    const before = await state();
    const refusals = [
      await one.operator.put(`${tenant.path}/db`, { data: { A: '2' } }),
      await one.operator.put(`${tenant.path}/new`, { data: { A: '2' } }, { headers: { 'idempotency-key': 'again' } }),
      await one.operator.post(tenant.path, { name: 'new', data: { A: '2' } }),
      await one.operator.post('/v1/encryption/rewrap'),
    ];
    for (const refused of refusals) {
      expect([refused.status, refused.body.code, refused.body.retryable]).toEqual([503, 'KEY_SERVICE_UNAVAILABLE', true]);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const graphql = await one.operator.graphql(PUT, { input: { tenant: tenant.name, name: 'db', data: { A: '2' } } });
    expect(graphql.body.errors[0].extensions).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', kind: 'unavailable', retryable: true, retryAfterSeconds: 5 });
    await expect(one.resolve(tenant, 'db')).rejects.toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE' });
    expect(await state()).toEqual(before);
    // What needs no key goes on.
    expect((await one.operator.get(`${tenant.path}/db`)).body.version).toBe(1);
    expect((await one.operator.put(`/v1/tenants/${tenant.name}/configs/plain`, { data: { B: '2' } })).status).toBe(200);
    expect((await one.operator.get('/v1/encryption')).body).toMatchObject({ keys: [{ versions: 1 }] });
    expect((await one.operator.delete(`/v1/tenants/${tenant.name}/configs/plain`)).status).toBe(204);
    await resume();
    await eventually(async () => expect((await one.operator.put(`${tenant.path}/new`, { data: { A: '2' } }, { headers: { 'idempotency-key': 'again' } })).status).toBe(201), { withinMs: 20_000 });
    expect((await one.resolve(tenant, 'db', 'new')).secret).toEqual({ A: '2' });
  });

  it('a process starts all the same, and seals once it is back', async () => {
    const chosen = await settings();
    await interrupt();
    const one = await rig.start(chosen);
    const tenant = await rig.tenant(one);
    expect((await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } })).body.code).toBe('KEY_SERVICE_UNAVAILABLE');
    await resume();
    await eventually(async () => expect((await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } })).status).toBe(201), { withinMs: 20_000 });
  });
});

describe('a service that is away', () => {
  it('is spared: most calls fail without being sent', async () => {
    const one = await rig.start(vaultSettings());
    const tenant = await rig.tenant(one);
    await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } });
    transit.sealed = true;
    await one.resolve(tenant, 'db').catch(() => undefined);
    const sent = transit.requests.length;
    const codes = await Promise.all(Array.from({ length: 200 }, () => one.resolve(tenant, 'db').catch((error: { code: string }) => error.code)));
    expect(new Set(codes)).toEqual(new Set(['KEY_SERVICE_UNAVAILABLE']));
    expect(transit.requests.length - sent).toBeLessThan(10);
  });
});

describe('a service that hangs', () => {
  it('holds up secrets alone: the database connections stay free for the rest', async () => {
    const one = await rig.start(vaultSettings());
    const tenant = await rig.tenant(one);
    await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } });
    transit.hanging = true;
    const writes = Array.from({ length: 40 }, (_, index) => one.operator.put(`${tenant.path}/s${index}`, { data: { A: '1' } }));
    await eventually(async () => expect(transit.requests.filter((path) => path.includes('encrypt')).length).toBeGreaterThan(2), { withinMs: 5_000, everyMs: 10 });
    const begun = performance.now();
    expect((await one.operator.get(`${tenant.path}/db`)).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(1_500);
    expect(new Set((await Promise.all(writes)).map(({ status, body }) => `${status} ${body.code}`))).toEqual(new Set(['503 KEY_SERVICE_UNAVAILABLE']));
    transit.hanging = false;
    await eventually(async () => expect((await one.operator.put(`${tenant.path}/s1`, { data: { A: '1' } })).status).toBe(201), { withinMs: 20_000 });
  });
});

describe('moving from one provider to another', () => {
  it('is the same run: local to KMS to Transit and back to local, with what was sealed before opened all the while', async () => {
    const [k1, k2] = [localKey('k1'), localKey('k2')];
    const [toKms, toVault] = [await kmsSettings(), vaultSettings()];
    const first = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k1 });
    const tenant = await rig.tenant(first);
    for (const name of ['a', 'b', 'c']) await first.operator.put(`${tenant.path}/${name}`, { data: { [name]: '1' } });
    await first.stop();
    const all = { ...toKms, ...toVault, FNPLANE_ENCRYPTION_KEYS: `${k2},${k1}` };
    let last = { id: 'k1', state: 'retired' };
    for (const [provider, id] of [['aws-kms', `aws-kms:${toKms.FNPLANE_KMS_KEY}`], ['vault-transit', 'vault-transit:transit/fnplane#1'], ['local', 'k2']] as const) {
      const one = await rig.start({ ...all, FNPLANE_KEY_PROVIDER: provider });
      expect((await one.resolve(tenant, 'a', 'b', 'c')).secret).toEqual({ a: '1', b: '1', c: '1' });
      const body = await rewrapped(one);
      expect(body).toMatchObject({ sealingKey: id, pending: 0, rewrap: { rewrapped: 3, unreadable: 0 } });
      expect(body.keys).toContainEqual(expect.objectContaining(last));
      expect(await rowsOf(one)).toEqual([{ key_id: id, versions: 3 }]);
      await one.stop();
      last = { id, state: 'retired' };
    }
    const end = await rig.start({ FNPLANE_ENCRYPTION_KEYS: k2 });
    expect((await end.resolve(tenant, 'a', 'b', 'c')).secret).toEqual({ a: '1', b: '1', c: '1' });
  });

  it('follows the versions of a key in Transit', async () => {
    const settings = vaultSettings();
    const [one, beside] = [await rig.start(settings), await rig.start(settings)];
    const tenant = await rig.tenant(one);
    for (const name of ['a', 'b']) await one.operator.put(`${tenant.path}/${name}`, { data: { [name]: '1' } });
    transit.rotate('fnplane');
    expect(await rewrapped(one)).toMatchObject({
      sealingKey: 'vault-transit:transit/fnplane#2', pending: 0, rewrap: { rewrapped: 2 },
      keys: [{ id: 'vault-transit:transit/fnplane#1', state: 'retired' }, { id: 'vault-transit:transit/fnplane#2', versions: 2 }],
    });
    // One that did not hear of it is stopped from using the retired version, and knows the new one then.
    expect((await beside.operator.put(`${tenant.path}/c`, { data: { c: '1' } })).body.code).toBe('ENCRYPTION_KEY_RETIRED');
    expect((await beside.operator.put(`${tenant.path}/c`, { data: { c: '1' } })).status).toBe(201);
    // The former version may be taken away now.
    transit.keys.get('fnplane')!.minDecryption = 2;
    expect((await one.resolve(tenant, 'a', 'b')).secret).toEqual({ a: '1', b: '1' });
  });
});

describe('an id of a service\'s key', () => {
  it('is refused when another key answers to it', async () => {
    await (await rig.start(vaultSettings())).stop();
    transit.createKey('fnplane');
    await expect(rig.start(vaultSettings())).rejects.toThrow(/encryption key vault-transit:transit\/fnplane#1 is not the key/);
  });
});

describe('the token for Transit', () => {
  it('is read from its file again when it has ended', async () => {
    const one = await rig.start(vaultSettings(transit.issueToken()));
    const tenant = await rig.tenant(one);
    await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } });
    transit.tokens.clear();
    expect((await one.operator.put(`${tenant.path}/db`, { data: { A: '2' } })).body.code).toBe('KEY_SERVICE_UNAVAILABLE');
    writeFileSync(tokenFile(), transit.issueToken());
    expect((await one.operator.put(`${tenant.path}/db`, { data: { A: '2' } })).status).toBe(200);
  });

  it('is renewed for as long as it is in use', async () => {
    const token = transit.issueToken(3_000);
    const one = await rig.start(vaultSettings(token));
    const tenant = await rig.tenant(one);
    const { endsAt } = transit.tokens.get(token)!;
    await eventually(async () => expect(Date.now()).toBeGreaterThan(endsAt), { withinMs: 10_000 });
    expect((await one.operator.put(`${tenant.path}/db`, { data: { A: '1' } })).status).toBe(201);
    expect(transit.requests).toContain('auth/token/renew-self');
  });
});

describe('settings of key providers', () => {
  it.each([
    [{ FNPLANE_KEY_PROVIDER: 'local' }, ['FNPLANE_ENCRYPTION_KEYS']],
    [{ FNPLANE_KEY_PROVIDER: 'aws-kms' }, ['FNPLANE_KMS_KEY']],
    [{ FNPLANE_KEY_PROVIDER: 'vault-transit' }, ['FNPLANE_VAULT_ADDRESS', 'FNPLANE_VAULT_TOKEN_FILE', 'FNPLANE_VAULT_KEY']],
    [{ FNPLANE_ENCRYPTION_KEYS: localKey('k1'), FNPLANE_VAULT_ADDRESS: 'http://127.0.0.1:1' }, ['FNPLANE_VAULT_TOKEN_FILE', 'FNPLANE_VAULT_KEY']],
  ])('that are missing are named: %j', async (settings, names) => {
    const refused = await rig.start(settings).then(() => '', (error: Error) => error.message);
    expect([...refused.matchAll(/(FNPLANE_\w+) is missing/g)].map(([, name]) => name)).toEqual(names);
  });
});
