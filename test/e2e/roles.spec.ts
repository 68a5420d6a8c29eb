import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { ROLES, type Role } from '../../src/platform/config/config.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { conditionOf } from '../support/platform.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { newInstallation, type Installation } from '../support/role-environment.js';
import { RoleProcess } from '../support/role-process.js';
import { SMALL } from '../support/tenant-functions.js';
import { mintToken } from '../support/tokens.js';

/** What an installation must be told for each role; there are no defaults that everybody knows. */
const NEEDED: Record<Role, string[]> = {
  api: ['DATABASE_URL', 'FNPLANE_ISSUERS', 'FNPLANE_ENCRYPTION_KEYS', 'FNPLANE_INTERNAL_SECRET', 'FNPLANE_REGISTRY_URL'],
  worker: ['DATABASE_URL', 'FNPLANE_ENCRYPTION_KEYS', 'FNPLANE_INTERNAL_SECRET', 'FNPLANE_REGISTRY_URL', 'FNPLANE_RUNTIME_IMAGES'],
  operator: [],
  gateway: ['FNPLANE_ISSUERS', 'FNPLANE_INTERNAL_SECRET'],
  meter: ['DATABASE_URL'],
};
const EX_CONFIG = 78;
const GRACE_MS = 20_000;

const SOURCE = `import os
import time


def handle(event, context):
    time.sleep(float(event["query"].get("seconds", 0)))
    return {"secret": len(os.environ["CANARY"]), "request": context.request_id}
`;

describe('a process of its own for each role', () => {
  let database: TestDatabase;
  let installation: Installation;
  const processes = {} as Record<Role, RoleProcess>;
  let operator: HttpClient;
  let token: string;
  let apiKey = '';
  const tenant = randomName('roles');
  const canary = `canary-${randomBytes(12).toString('hex')}`;

  beforeAll(async () => {
    database = await createTestDatabase();
    installation = await newInstallation(database.url);
    for (const role of ROLES) processes[role] = new RoleProcess(role, { ...installation.environmentOf(role), FNPLANE_LOG_LEVEL: 'debug', FNPLANE_SHUTDOWN_GRACE_MS: String(GRACE_MS) });
    await Promise.all(Object.values(processes).map((each) => each.ready()));
    token = await mintToken({ roles: ['operator'] });
    operator = new HttpClient(processes.api.api, token);
  });
  afterAll(async () => {
    await Promise.all(Object.values(processes).map((each) => each.stop()));
    await database?.drop();
  });

  it.each(ROLES)('%s answers for its health and serves its metrics', async (role) => {
    const { management } = processes[role];
    for (const path of ['/livez', '/readyz']) expect([path, (await fetch(`${management}${path}`)).status]).toEqual([path, 200]);
    const metrics = await fetch(`${management}/metrics`);
    expect([metrics.status, metrics.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain; version=/)]);
    const text = await metrics.text();
    for (const line of text.split('\n').filter(Boolean)) expect(line).toMatch(/^(# (HELP|TYPE) [a-z]|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [-+0-9.eEInfNa]+$)/);
    expect(text).toMatch(/^fnplane_process_cpu_seconds_total /m);
  });

  it('carries a deployment, invocations and usage over all five', async () => {
    const path = `/v1/tenants/${tenant}`;
    expect((await operator.post('/v1/tenants', { name: tenant })).status).toBe(202);
    expect((await operator.put(`${path}/secrets/signing`, { data: { CANARY: canary } })).status).toBe(201);
    expect((await operator.put(`${path}/functions/reader`, { name: 'reader', runtime: 'python', source: { inline: { 'handler.py': SOURCE } }, secrets: ['signing'], resources: SMALL })).status).toBeLessThan(300);
    const created = await operator.post(`${path}/api-keys`, { name: 'caller', role: 'developer' });
    expect(created.status).toBe(201);
    apiKey = created.body.key as string;
    await eventually(async () => expect(conditionOf((await operator.get(`${path}/functions/reader`)).body, 'Ready')).toMatchObject({ status: 'True' }), { withinMs: 90_000 });
    expect((await operator.post(`${path}/functions/reader/invocations`, {})).body).toMatchObject({ secret: canary.length });
    const gateway = new HttpClient(installation.gatewayUrl);
    await eventually(async () => {
      const answer = await gateway.post(`/${tenant}/reader`, {}, { headers: { 'x-api-key': apiKey, 'x-request-id': 'by-key' } });
      expect([answer.status, answer.body]).toEqual([200, { secret: canary.length, request: 'by-key' }]);
    }, { withinMs: 20_000 });
    await eventually(async () => expect((await operator.get(`${path}/usage`)).body.total.invocations).toBe(2), { withinMs: 20_000 });
  });

  it('writes no credential and no secret into any log, and a request id wherever a request is spoken of', async () => {
    const path = `/v1/tenants/${tenant}`;
    const headers = { 'x-request-id': 'asked-by-the-test' };
    expect((await operator.get(path, { headers })).headers.get('x-request-id')).toBe('asked-by-the-test');
    // Ways in which a secret gets into an error.
    await operator.put(`${path}/secrets/signing`, { data: { [`${canary} no name`]: canary } });
    await operator.send('PUT', `${path}/secrets/signing`, { body: `{"data": {"CANARY": "${canary}"`, headers: { 'content-type': 'application/json' } });
    await operator.graphql(`mutation { putSecret(input: { tenant: "${tenant}", name: "signing", data: { CANARY: "${canary}" }, wrong: 1 }) { secret { name } } }`);
    await operator.get(`${path}?access_token=${token}&key=${apiKey}`);
    await new HttpClient(processes.api.api, `${token}x`).get(path);
    await new HttpClient(processes.api.api, apiKey).get(path);
    await new HttpClient(installation.gatewayUrl).post(`/${tenant}/reader`, { canary }, { headers: { authorization: `Bearer ${apiKey}x` } });
    const logs = ROLES.map((role) => ({ role, lines: processes[role].lines }));
    const { FNPLANE_ENCRYPTION_KEYS, FNPLANE_INTERNAL_SECRET, DATABASE_URL } = installation.environmentOf('api');
    const settings = [FNPLANE_ENCRYPTION_KEYS!.slice('k1:'.length), FNPLANE_INTERNAL_SECRET!, new URL(DATABASE_URL!).password].filter(Boolean);
    const hidden = [canary, Buffer.from(canary).toString('base64').replace(/=+$/, ''), apiKey, apiKey.slice(-43), token, ...settings];
    for (const { lines } of logs) {
      expect(lines.length).toBeGreaterThan(0);
      expect(lines.filter((line) => hidden.some((secret) => line.includes(secret)))).toEqual([]);
      for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) as string, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string, msg: expect.any(String) as string });
    }
    const requests = processes.api.lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === 'request');
    expect(requests.length).toBeGreaterThan(10);
    expect(requests.filter(({ requestId }) => typeof requestId !== 'string' || requestId === '')).toEqual([]);
    expect(requests).toContainEqual(expect.objectContaining({ requestId: 'asked-by-the-test', method: 'GET', status: 200 }));
  });

  it('ends each within the grace when asked to, with nothing under way cut off', async () => {
    const ends = async (role: Role): Promise<void> => {
      const begun = performance.now();
      expect([role, await processes[role].stop()]).toEqual([role, { code: 0, signal: null }]);
      expect(performance.now() - begun).toBeLessThan(GRACE_MS);
    };
    const slow = new HttpClient(installation.gatewayUrl).post(`/${tenant}/reader?seconds=3`, {}, { headers: { 'x-api-key': apiKey } });
    await eventually(async () => expect(await (await fetch(`${processes.gateway.management}/metrics`)).text()).toMatch(/^fnplane_gateway_\w*in_flight\w*(\{.*\})? [1-9]/m), { withinMs: 2_900, everyMs: 20 });
    await ends('gateway');
    expect((await slow).status).toBe(200);
    const path = `/v1/tenants/${tenant}`;
    expect((await operator.delete(path)).status).toBe(202);
    await eventually(async () => expect((await operator.get(path)).status).toBe(404), { withinMs: 90_000 });
    await Promise.all((['api', 'worker', 'operator', 'meter'] as const).map(ends));
  });
});

describe('a process that lacks settings', () => {
  it('ends with the code for it and names each of them, whatever its role', async () => {
    await Promise.all(ROLES.filter((role) => NEEDED[role].length > 0).map(async (role) => {
      const lacking = new RoleProcess(role, { FNPLANE_ROLES: role });
      expect([role, await lacking.ended]).toEqual([role, { code: EX_CONFIG, signal: null }]);
      const named = [...lacking.lines.join('\n').matchAll(/- ([A-Z_]+) is missing/g)].map((match) => match[1]);
      expect([role, named]).toEqual([role, NEEDED[role]]);
    }));
  });

  it('names all that all roles lack when it is to play all of them', async () => {
    const lacking = new RoleProcess('all', {});
    expect(await lacking.ended).toEqual({ code: EX_CONFIG, signal: null });
    const named = [...lacking.lines.join('\n').matchAll(/- ([A-Z_]+) is missing/g)].map((match) => match[1]);
    expect(named.sort()).toEqual([...new Set(Object.values(NEEDED).flat())].sort());
  });

  it('names what is garbled, and never a value', async () => {
    const canary = `canary${randomBytes(8).toString('hex')}`;
    const garbled = { DATABASE_URL: canary, FNPLANE_ISSUERS: `[{"issuer":"${canary}"`, FNPLANE_INTERNAL_SECRET: canary.slice(0, 20), FNPLANE_API_LISTEN: canary, FNPLANE_ROLES: `api,${canary}`, FNPLANE_RUNTIME_IMAGES: `{"python":"${canary}"}`, FNPLANE_ENCRYPTION_KEYS: `k1:${canary}`, FNPLANE_DATABASE_POOL: canary };
    const lacking = new RoleProcess('garbled', garbled);
    expect(await lacking.ended).toEqual({ code: EX_CONFIG, signal: null });
    const said = lacking.lines.join('\n');
    for (const name of Object.keys(garbled)) expect(said).toContain(name);
    expect(said).not.toContain(canary.slice(0, 20));
  });
});
