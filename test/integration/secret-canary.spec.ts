import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../deploy/local/cluster/ports.ts';
import { HttpClient, type HttpAnswer } from '../../deploy/local/http-client.ts';
import type { KubernetesObject } from '../../src/platform/kubernetes/kubernetes-object.js';
import { FakeApiServer } from '../../src/platform/kubernetes/testing/fake-api-server.js';
import { randomName, testEnvironment } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { localKey } from '../support/sealing-rig.js';
import { mintToken } from '../support/tokens.js';

const CANARY = `canary-${randomBytes(9).toString('hex')}~é`;
const PUT = 'mutation($input: PutSecretInput!) { putSecret(input: $input) { secret { version } userErrors { code message } } }';

let database: TestDatabase;
let cluster: FakeApiServer;
let folder: string;
let child: ChildProcess | undefined;
let output = '';
let [api, management] = ['', ''];
let operator: HttpClient;
/** What the platform said, to anybody. */
const said: string[] = [];

beforeAll(async () => {
  [database, cluster] = [await createTestDatabase(), new FakeApiServer()];
  await cluster.start();
  // As a cluster says once it serves them.
  for (const name of ['functions.fnplane.dev', 'warmpools.fnplane.dev']) {
    cluster.put('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { metadata: { name }, status: { conditions: [{ type: 'Established', status: 'True' }] } } as KubernetesObject);
  }
  folder = mkdtempSync(join(tmpdir(), 'fnplane-canary-'));
  writeFileSync(join(folder, 'kubeconfig'), cluster.kubeconfig);
});
afterAll(async () => {
  await stop();
  await cluster.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

/** API and worker as a process of its own, which logs all it can. */
async function start(keys: string, secret: string): Promise<void> {
  const [apiPort, managementPort] = [await freePort(), await freePort()];
  const environment = testEnvironment(database.url, {
    FNPLANE_ROLES: 'api,worker', FNPLANE_ENCRYPTION_KEYS: keys, FNPLANE_INTERNAL_SECRET: secret, KUBECONFIG: join(folder, 'kubeconfig'), FNPLANE_BUILD_CACHE: join(folder, 'builds'),
    FNPLANE_API_LISTEN: `127.0.0.1:${apiPort}`, FNPLANE_MANAGEMENT_LISTEN: `127.0.0.1:${managementPort}`, FNPLANE_LOG_LEVEL: 'trace', FNPLANE_SHUTDOWN_GRACE_MS: '1000',
  });
  child = spawn(process.execPath, ['dist/src/main.js'], { env: { ...environment, PATH: process.env.PATH ?? '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  [api, management] = [`http://127.0.0.1:${apiPort}`, `http://127.0.0.1:${managementPort}`];
  operator = new HttpClient(api, await mintToken({ roles: ['operator'] }));
  await eventually(async () => expect((await operator.get('/v1/encryption')).status).toBe(200), { withinMs: 20_000 });
}

async function stop(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  said.push(await (await fetch(`${management}/metrics`)).text());
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

function heard(answer: HttpAnswer): HttpAnswer {
  said.push(Buffer.isBuffer(answer.body) ? answer.body.toString() : JSON.stringify(answer.body), JSON.stringify([...answer.headers]));
  return answer;
}

/** Forms in which the value could lie about: as it is, in other encodings, and in base64 at each of its three offsets. */
function formsOf(value: string): Buffer[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((offset) => Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64').slice(offset === 0 ? 0 : offset + 1).replace(/=+$/, '').slice(0, -2));
  const texts = [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
  return [...texts.map((text) => Buffer.from(text)), Buffer.from(value, 'utf16le'), Buffer.from(value, 'utf16le').swap16()];
}

function holds(haystack: Buffer): boolean {
  return formsOf(CANARY).some((form) => haystack.includes(form));
}

/** `table.column` of each place where the value lies open, in whatever form. */
async function places(): Promise<{ found: string[]; rows: number }> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(`SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relkind IN ('r', 'm')`);
    const found = new Set<string>();
    let seen = 0;
    for (const { name } of tables) {
      const { rows } = await client.query<Record<string, unknown>>(`SELECT * FROM ${name}`);
      seen += rows.length;
      for (const row of rows) for (const [column, value] of Object.entries(row)) if (holds(bytesOf(value))) found.add(`${name}.${column}`);
    }
    return { found: [...found], rows: seen };
  } finally {
    await client.end();
  }
}

function bytesOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value) ?? '');
}

async function sql(statement: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query(statement, values)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

it('looks everywhere, and in every form', () => {
  for (const text of [`a${CANARY}`, JSON.stringify({ x: CANARY }), ...['', 'a', 'ab'].map((before) => Buffer.from(`${before}${CANARY}xyz`).toString('base64'))]) expect(holds(Buffer.from(text))).toBe(true);
  for (const bytes of [Buffer.from(CANARY, 'utf16le'), Buffer.from(Buffer.from(`x${CANARY}`).toString('hex'))]) expect(holds(bytes)).toBe(true);
  expect(holds(Buffer.from(CANARY.slice(0, -3)))).toBe(false);
});

it('a secret lies open nowhere: in no table, log line, metric or answer, through all that happens to it', { timeout: 120_000 }, async () => {
  const [k1, k2, internal] = [localKey('k1'), localKey('k2'), randomBytes(32).toString('hex')];
  await start(k1, internal);
  const tenant = randomName('team');
  const secrets = `/v1/tenants/${tenant}/secrets`;
  const functions = `/v1/tenants/${tenant}/functions`;
  heard(await operator.post('/v1/tenants', { name: tenant }));
  const key = { headers: { 'idempotency-key': randomName('key') } };
  for (let time = 0; time < 2; time += 1) expect(heard(await operator.put(`${secrets}/rest`, { data: { VALUE: CANARY } }, key)).status).toBe(201);
  const input = { tenant, name: 'graphql', data: { VALUE: CANARY }, idempotencyKey: randomName('key') };
  for (let time = 0; time < 2; time += 1) expect(heard(await operator.graphql(PUT, { input })).body.data.putSecret.secret.version).toBe(1);
  heard(await operator.put(`${secrets}/rest?validateOnly=true`, { data: { VALUE: CANARY, MORE: CANARY } }));

  // Errors of every kind with the value in the request.
  const json = { headers: { 'content-type': 'application/json' } };
  await sql('ALTER TABLE secret_version RENAME TO elsewhere');
  expect(heard(await operator.put(`${secrets}/rest`, { data: { VALUE: CANARY } }, { headers: { 'idempotency-key': randomName('key') } })).status).toBe(500);
  expect(heard(await operator.graphql(PUT, { input: { tenant, name: 'graphql', data: { VALUE: CANARY } } })).body.errors[0].extensions.code).toBe('INTERNAL');
  await sql('ALTER TABLE elsewhere RENAME TO secret_version');
  const wrong = [
    await operator.put(`${secrets}/rest`, { data: { VALUE: CANARY } }, { headers: { 'if-match': '"0-0"' } }),
    await operator.put(`${secrets}/rest`, { data: { VALUE: [CANARY] } }),
    await operator.put(`${secrets}/rest`, { data: { 'NOT-A-NAME': CANARY } }),
    await operator.put(`${secrets}/rest`, { data: { VALUE: CANARY.repeat(9_000) } }),
    await operator.put(`${secrets}/rest`, { data: { VALUE: `${CANARY}\0` } }),
    await operator.put(`${secrets}/rest`, `{"data":{"VALUE":"${CANARY}`, json),
    await operator.put(`${secrets}/rest`, { data: { VALUE: CANARY } }, { headers: { ...json.headers, ...key.headers, 'if-match': '"1-1"' } }),
    await operator.post(secrets, { name: 'rest', data: { VALUE: CANARY } }),
    await operator.post(secrets, { name: 'x', value: CANARY }),
    await operator.graphql(PUT, { input: { tenant, name: 7, data: { VALUE: CANARY } } }),
    await operator.graphql(PUT, { input: { tenant, name: 'graphql', data: CANARY } }),
    await operator.graphql(`mutation { putSecret(input: { tenant: "${tenant}", name: "x", data: { VALUE: "${CANARY}" } ) }`),
    await new HttpClient(api).put(`${secrets}/rest`, { data: { VALUE: CANARY } }),
    await new HttpClient(api, await mintToken()).put(`${secrets}/rest`, { data: { VALUE: CANARY } }),
  ];
  for (const answer of wrong) expect(heard(answer).status === 200 ? answer.body.errors ?? answer.body.data.putSecret.userErrors[0] : answer.status >= 400).toBeTruthy();

  // A function that uses it, as far as a worker comes: to the Secret of the cluster, which is its place.
  const deployed = heard(await operator.put(`${functions}/app`, { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } }, secrets: ['rest', 'graphql'] }));
  expect(deployed.status).toBeLessThan(300);
  await eventually(async () => {
    // As if the source had been built: there is no registry.
    await sql(`UPDATE revision SET build_state = 'built', image = $2 WHERE function_id = $1`, [deployed.body.id, `registry.example/app@sha256:${'a'.repeat(64)}`]);
    heard(await operator.put(`${secrets}/rest`, { data: { VALUE: CANARY } }));
    const { conditions } = heard(await operator.get(`${functions}/app`)).body.status as { conditions: unknown };
    const arrived = cluster.requests.some(({ verb, path, body }) => verb === 'patch' && path.includes('/secrets/app-env-') && JSON.stringify(body).includes(Buffer.from(CANARY).toString('base64')));
    expect([arrived, conditions]).toEqual([true, conditions]);
  }, { withinMs: 40_000, everyMs: 500 });
  for (const request of cluster.requests.filter(({ path }) => !path.includes('/secrets/'))) expect([request.path, holds(bytesOf(request.body))]).toEqual([request.path, false]);
  const invoked = await operator.post(`${functions}/app/invocations`, {});
  expect(heard(invoked).status).toBeGreaterThanOrEqual(500);
  const inUse = heard(await operator.delete(`${secrets}/rest`));
  expect(inUse.body.code).toBe('SECRET_IN_USE');
  expect((await places())).toMatchObject({ found: [], rows: expect.toSatisfy((rows: number) => rows > 30) as number });

  // The key is rotated, and a process comes that has the wrong one.
  await stop();
  await start(`${k2},${k1}`, internal);
  heard(await operator.post('/v1/encryption/rewrap'));
  await eventually(async () => expect(heard(await operator.get('/v1/encryption')).body).toMatchObject({ pending: 0, rewrap: { state: 'done' } }), { withinMs: 30_000 });
  expect((await places()).found).toEqual([]);
  await stop();
  await start(localKey('k3'), internal);
  heard(await operator.patch(`${functions}/app`, { description: 'moves' }));
  heard(await operator.put(`${secrets}/graphql`, { data: { VALUE: CANARY } }));
  await stop();
  await start(`${k2},${k1}`, internal);
  for (const path of [secrets, `${secrets}/rest`, `${functions}/app`, `/v1/tenants/${tenant}/operations`, `/v1/tenants/${tenant}`, '/v1/encryption']) heard(await operator.get(path));
  heard(await operator.delete(`${functions}/app`));
  heard(await operator.delete(`/v1/tenants/${tenant}`));
  await eventually(async () => expect((await operator.get(`/v1/tenants/${tenant}`)).status).toBe(404), { withinMs: 40_000 });
  expect((await places()).found).toEqual([]);
  expect(await sql('SELECT FROM secret_version')).toEqual([]);
  await stop();

  expect(output.split('\n').length).toBeGreaterThan(20);
  expect(output).toContain('an unexpected error');
  expect(output.split('\n').filter((line) => holds(Buffer.from(line)))).toEqual([]);
  expect(said.filter((text) => holds(Buffer.from(text)))).toEqual([]);
});
