import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer, HttpClient } from '../../deploy/local/http-client.ts';
import { tenantJobContext } from '../../src/platform/context/context.js';
import { CodeService } from '../../src/domains/functions/code.service.js';
import { FunctionProgress } from '../../src/domains/functions/function-progress.js';
import { FunctionsService } from '../../src/domains/functions/functions.service.js';
import { buildArchive } from '../../src/platform/archives/source-archive.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';
import { expectExactBooks } from '../support/reservations.js';

/** Two processes on one database: admission is not a matter of one of them. */
let first: TestApi;
let second: TestApi;

beforeAll(async () => {
  first = await startApi();
  second = await startApi({}, first);
});
afterAll(async () => {
  await second?.stop();
  await first?.stop();
});

interface Team {
  id: string;
  name: string;
  path: string;
}

async function newTeam(overrides: Record<string, number> = {}): Promise<Team> {
  const name = randomName('team');
  const made = await first.operator.post('/v1/tenants', { name, plan: 'small' });
  expect(made.status).toBe(202);
  if (Object.keys(overrides).length > 0) expect((await first.operator.patch(`/v1/tenants/${name}/quota`, { overrides })).status).toBe(200);
  return { id: made.body.id as string, name, path: `/v1/tenants/${name}` };
}

/** An answer of either API, told alike. */
interface Outcome {
  code: string | undefined;
  message: string;
  limit: string | undefined;
}

function ofRest({ status, body }: HttpAnswer): Outcome {
  return status < 300 ? { code: undefined, message: '', limit: undefined } : { code: body.code as string, message: body.detail as string, limit: body.details?.limit as string | undefined };
}

async function overGraphql(client: HttpClient, mutation: string, type: string, input: Record<string, unknown>): Promise<Outcome> {
  const { body } = await client.graphql(`mutation($input: ${type}!) { ${mutation}(input: $input) { userErrors { code message } } }`, { input });
  expect(body.errors).toBeUndefined();
  const [error] = body.data[mutation].userErrors as { code: string; message: string }[];
  return { code: error?.code, message: error?.message ?? '', limit: undefined };
}

type Transport = 'rest' | 'graphql';

async function deploy(client: HttpClient, team: Team, name: string, body: Record<string, unknown>, transport: Transport = 'rest'): Promise<Outcome> {
  if (transport === 'rest') return ofRest(await client.put(`${team.path}/functions/${name}`, { ...PYTHON, ...body }));
  return overGraphql(client, 'deployFunction', 'DeployFunctionInput', { tenant: team.name, function: { name, ...PYTHON, runtime: 'PYTHON', ...body } });
}

async function putSet(client: HttpClient, team: Team, kind: 'secrets' | 'configs', name: string, transport: Transport): Promise<Outcome> {
  if (transport === 'rest') return ofRest(await client.put(`${team.path}/${kind}/${name}`, { data: { A: '1' } }));
  return kind === 'secrets'
    ? overGraphql(client, 'putSecret', 'PutSecretInput', { tenant: team.name, name, data: { A: '1' } })
    : overGraphql(client, 'putConfigSet', 'PutConfigSetInput', { tenant: team.name, name, data: { A: '1' } });
}

async function upload(client: HttpClient, team: Team, content: string): Promise<Outcome & { digest: string }> {
  const bytes = await buildArchive({ 'handler.py': content });
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { digest, ...ofRest(await client.put(`${team.path}/code/${digest}`, bytes, { headers: { 'content-type': 'application/gzip' } })) };
}

/** The worker's last word on a deleted function. */
async function gone(team: Team, name: string): Promise<void> {
  const context = tenantJobContext('test', team);
  const fn = await first.plane.app.get(FunctionsService, { strict: false }).get(context, name);
  await first.plane.app.get(FunctionProgress, { strict: false }).gone(context, fn);
}

async function buildFails(team: Team, name: string): Promise<void> {
  const context = tenantJobContext('test', team);
  const fn = await first.plane.app.get(FunctionsService, { strict: false }).get(context, name);
  await first.plane.app.get(FunctionProgress, { strict: false }).buildFailed(context, fn, 'BuildFailed', 'it does not compile');
}

function books(team: Team): Promise<Record<string, number>> {
  return expectExactBooks(first.plane.database, team.id);
}

describe('50 at once for one slot that is left', () => {
  const sized = (index: number): Record<string, unknown> => ({ resources: { cpuMillis: 100, memoryMb: 64, ephemeralStorageMb: 64 }, labels: { n: String(index) } });

  /** Limit, its value with one slot left beside what is there, and what takes a slot. */
  const CASES: [string, Record<string, number>, (client: HttpClient, team: Team, index: number, transport: Transport) => Promise<Outcome>][] = [
    ['functions', { functions: 2 }, (client, team, index, transport) => deploy(client, team, `f${index}`, sized(index), transport)],
    ['pods', { pods: 2, functions: 100 }, (client, team, index, transport) => deploy(client, team, `f${index}`, sized(index), transport)],
    ['cpuMillis', { cpuMillis: 299, functions: 100, pods: 100 }, (client, team, index, transport) => deploy(client, team, `f${index}`, sized(index), transport)],
    ['memoryMb', { memoryMb: 191, functions: 100, pods: 100 }, (client, team, index, transport) => deploy(client, team, `f${index}`, sized(index), transport)],
    ['ephemeralStorageMb', { ephemeralStorageMb: 128, functions: 100, pods: 100 }, (client, team, index, transport) => deploy(client, team, `f${index}`, sized(index), transport)],
    ['secrets', { secrets: 2 }, (client, team, index, transport) => putSet(client, team, 'secrets', `s${index}`, transport)],
    ['configSets', { configSets: 2 }, (client, team, index, transport) => putSet(client, team, 'configs', `c${index}`, transport)],
    // Archives come over REST only: bytes are no matter for GraphQL.
    ['codeMb', { codeMb: 2 }, (client, team, index) => upload(client, team, `x = ${index}`)],
  ];

  it.each(CASES)('%s: exactly one gets it, and 49 read why not', async (limit, overrides, take) => {
    const team = await newTeam(overrides);
    expect((await take(first.operator, team, 1_000, 'rest')).code).toBeUndefined();
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => take(index % 3 === 0 ? second.operator : first.operator, team, index, index % 2 ? 'rest' : 'graphql')));
    expect(outcomes.filter(({ code }) => code === undefined)).toHaveLength(1);
    for (const { code, message, limit: named } of outcomes.filter((outcome) => outcome.code !== undefined)) {
      expect(code).toBe('QUOTA_EXCEEDED');
      if (named !== undefined) expect(named).toBe(limit);
      expect(message).toMatch(/^The tenant's quota allows \d+ [A-Za-z ]+(, \d+ (is|are) in use and \d+ more are asked for| and \d+ (is|are) in use); .+ or ask for a higher quota\.$/);
    }
    const sums = await books(team);
    expect(sums[limit]).toBeLessThanOrEqual(overrides[limit]!);
    expect((await first.operator.get(`${team.path}/quota`)).body.overQuota).toEqual([]);
  });
});

describe('what is reserved', () => {
  it('follows a smaller revision, a larger one and the way back, exactly', async () => {
    const team = await newTeam();
    const small = { resources: { cpuMillis: 100, memoryMb: 64 }, scaling: { max: 2 } };
    const large = { resources: { cpuMillis: 200, memoryMb: 256 }, scaling: { max: 3 } };
    for (const [body, cpuMillis, pods] of [[large, 600, 3], [small, 200, 2], [large, 600, 3]] as const) {
      expect((await deploy(first.operator, team, 'f', body)).code).toBeUndefined();
      expect(await books(team)).toMatchObject({ functions: 1, cpuMillis, pods });
    }
    expect(ofRest(await first.operator.patch(`${team.path}/functions/f`, { scaling: { max: 1 } })).code).toBeUndefined();
    expect(await books(team)).toMatchObject({ functions: 1, cpuMillis: 200, pods: 1 });
  });

  it('is held until the last trace of a deleted function is gone, and not longer', async () => {
    const team = await newTeam({ functions: 1 });
    await deploy(first.operator, team, 'f', {});
    expect((await first.operator.delete(`${team.path}/functions/f`)).status).toBe(202);
    expect(await books(team)).toMatchObject({ functions: 1, pods: 1 });
    expect((await deploy(second.operator, team, 'g', {})).code).toBe('QUOTA_EXCEEDED');
    await gone(team, 'f');
    expect(await books(team)).toEqual({});
    expect((await deploy(second.operator, team, 'g', {})).code).toBeUndefined();
  });

  it('is nothing after a creation that was refused, only checked, or replayed', async () => {
    const team = await newTeam();
    expect((await deploy(first.operator, team, 'f', { secrets: ['missing'] })).code).toBe('SECRET_NOT_FOUND');
    expect((await deploy(first.operator, team, 'f', { timeoutSeconds: 61 })).code).toBe('FUNCTION_TOO_LARGE_FOR_QUOTA');
    expect((await deploy(first.operator, team, 'f', { scaling: { max: 11 } })).code).toBe('QUOTA_EXCEEDED');
    expect((await first.operator.put(`${team.path}/functions/f?validateOnly=true`, PYTHON)).status).toBe(200);
    expect(await overGraphql(first.operator, 'deployFunction', 'DeployFunctionInput', { tenant: team.name, validateOnly: true, function: { name: 'f', ...PYTHON, runtime: 'PYTHON' } })).toMatchObject({ code: undefined });
    expect(await books(team)).toEqual({});
    const headers = { 'idempotency-key': randomUUID() };
    const [made, again] = [await first.operator.put(`${team.path}/functions/f`, PYTHON, { headers }), await second.operator.put(`${team.path}/functions/f`, PYTHON, { headers })];
    expect([made.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 202, 'true']);
    expect(await books(team)).toMatchObject({ functions: 1, pods: 1 });
  });

  it('is what the newest revision needs where that cannot be built', async () => {
    const team = await newTeam();
    await deploy(first.operator, team, 'f', { scaling: { max: 2 } });
    await deploy(first.operator, team, 'f', { scaling: { max: 4 }, environment: { X: '1' } });
    await buildFails(team, 'f');
    expect(await books(team)).toMatchObject({ functions: 1, pods: 4 });
    await deploy(first.operator, team, 'f', { scaling: { max: 2 } });
    expect(await books(team)).toMatchObject({ functions: 1, pods: 2 });
  });

  it('goes with archives that nothing uses, and not with those that are in use', async () => {
    const team = await newTeam();
    const [used, unused] = [await upload(first.operator, team, 'def handle(event, context):\n    return 1\n'), await upload(second.operator, team, 'x = 2')];
    expect((await deploy(first.operator, team, 'f', { source: { archive: used.digest } })).code).toBeUndefined();
    expect(await books(team)).toMatchObject({ codeMb: 2 });
    await first.plane.app.get(CodeService, { strict: false }).removeUnused(tenantJobContext('test', team), 0);
    expect(await books(team)).toMatchObject({ codeMb: 1 });
    expect((await first.operator.get(`${team.path}/code/${unused.digest}`)).status).toBe(404);
  });
});

describe('a limit below what is in use', () => {
  const LIMITS = ['functions', 'pods', 'cpuMillis', 'memoryMb', 'ephemeralStorageMb', 'secrets', 'configSets', 'codeMb'] as const;

  it.each(LIMITS)('%s: is accepted and shown, refuses growth, and nothing else', async (limit) => {
    const team = await newTeam();
    const { operator } = first;
    await deploy(operator, team, 'f', { scaling: { max: 3 } });
    await deploy(operator, team, 'g', { scaling: { max: 2 } });
    for (const name of ['a', 'b']) for (const kind of ['secrets', 'configs'] as const) await putSet(operator, team, kind, name, 'rest');
    await upload(operator, team, 'x = 1');
    const before = await books(team);
    const lowered = await operator.patch(`${team.path}/quota`, { overrides: { [limit]: 0 } });
    expect([lowered.status, lowered.body.effective[limit], lowered.body.overQuota]).toEqual([200, 0, [{ limit, allowed: 0, used: before[limit] }]]);
    const { body } = await operator.graphql('query($t: String!) { quota(tenant: $t) { overQuota { allowed used } } }', { t: team.name });
    expect(body.data.quota.overQuota).toEqual([{ allowed: 0, used: before[limit] }]);

    const growth: Record<(typeof LIMITS)[number], () => Promise<Outcome>> = {
      functions: () => deploy(operator, team, 'h', {}),
      pods: () => deploy(operator, team, 'f', { scaling: { max: 4 } }),
      cpuMillis: () => deploy(operator, team, 'f', { scaling: { max: 3 }, resources: { cpuMillis: 101 } }),
      memoryMb: () => deploy(operator, team, 'f', { scaling: { max: 3 }, resources: { memoryMb: 129 } }),
      ephemeralStorageMb: () => deploy(operator, team, 'f', { scaling: { max: 3 }, resources: { ephemeralStorageMb: 257 } }),
      secrets: () => putSet(operator, team, 'secrets', 'c', 'graphql'),
      configSets: () => putSet(operator, team, 'configs', 'c', 'graphql'),
      codeMb: () => upload(operator, team, 'x = 2'),
    };
    expect((await growth[limit]()).code).toBe('QUOTA_EXCEEDED');
    expect(await books(team)).toEqual(before);
    // Unrelated changes, the same again, new versions, shrinking and deleting pass.
    expect((await deploy(operator, team, 'f', { scaling: { max: 3 }, environment: { B: '2' } })).code).toBeUndefined();
    expect((await putSet(operator, team, 'secrets', 'a', 'rest')).code).toBeUndefined();
    expect((await putSet(operator, team, 'configs', 'a', 'graphql')).code).toBeUndefined();
    expect((await upload(operator, team, 'x = 1')).code).toBeUndefined();
    expect((await deploy(operator, team, 'f', { scaling: { max: 1 } })).code).toBeUndefined();
    for (const kind of ['secrets', 'configs']) expect((await operator.delete(`${team.path}/${kind}/b`)).status).toBeLessThan(300);
    expect((await operator.delete(`${team.path}/functions/g`)).status).toBe(202);
    await gone(team, 'g');
    const after = await books(team);
    expect(after).toMatchObject({ functions: 1, pods: 1, secrets: 1, configSets: 1, codeMb: 1 });
    // Up to what is in use: no longer over, and full.
    const raised = await operator.patch(`${team.path}/quota`, { overrides: { [limit]: after[limit] } });
    expect(raised.body.overQuota).toEqual([]);
    expect((await growth[limit]()).code).toBe('QUOTA_EXCEEDED');
  });
});
