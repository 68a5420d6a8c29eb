import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../../deploy/local/http-client.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { buildArchive } from '../../platform/archives/source-archive.js';
import { systemContext } from '../../platform/context/context.js';

const PYTHON = { 'handler.py': 'def handle(event, context):\n    return 1\n' };
const SCALING_DEFAULTS = { burst: 10, scaleDownDelaySeconds: 60, idleTimeoutSeconds: 300 };
const inline = (files: Record<string, string> = PYTHON) => ({ runtime: 'python', source: { inline: files } });

let api: TestApi;
let operator: HttpClient;
let owner: HttpClient;
let tenant: string;
let functions: string;

beforeAll(async () => {
  api = await startApi({ FNPLANE_ALLOWED_IMAGES: 'images.example/team', FNPLANE_GATEWAY_URL: 'https://run.example/' });
  operator = api.operator;
  owner = operator;
  tenant = await newTenant();
  functions = `/v1/tenants/${tenant}/functions`;
});
afterAll(() => api.stop());

async function newTenant(plan = 'standard'): Promise<string> {
  const name = randomName('t');
  const created = await operator.post('/v1/tenants', { name, plan });
  expect(created.status).toBe(202);
  return name;
}

async function rows<T = Record<string, string>>(sql: string, values: unknown[] = []): Promise<T[]> {
  return api.plane.database.transaction(systemContext('test'), (manager) => manager.query<T[]>(sql, values));
}

async function used(name = tenant): Promise<Record<string, number>> {
  return (await operator.get(`/v1/tenants/${name}/quota`)).body.used as Record<string, number>;
}

/** Everything a refused request could have left behind. */
async function traces(): Promise<unknown> {
  return rows(`SELECT (SELECT count(*) FROM function) AS functions, (SELECT count(*) FROM revision) AS revisions, (SELECT count(*) FROM revision_reference) AS refs,
    (SELECT count(*) FROM operation) AS operations, (SELECT count(*) FROM quota_reservation) AS reservations, (SELECT count(*) FROM audit_entry WHERE result = 'done') AS audit,
    (SELECT sum(gen) FROM work_item WHERE kind = 'function') AS jobs, (SELECT jsonb_agg(reserved ORDER BY tenant_id) FROM tenant_quota) AS sums, (SELECT count(*) FROM code_archive) AS code`);
}

describe('a deployment', () => {
  it('answers what was sent, as it was sent, beside what is in force', async () => {
    const answer = await owner.post(functions, { name: 'greeter', ...inline(), environment: { B: '2', A: '1' }, labels: { team: 'x' }, resources: { memoryMb: 256 } });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`${functions}/greeter`);
    const { operation, ...sent } = answer.body;
    expect(operation).toMatchObject({ kind: 'function.deploy', state: 'running', targetName: 'greeter', generation: 1 });
    const read = await owner.get(`${functions}/greeter`);
    expect(read.body).toEqual(sent);
    expect(read.body).toMatchObject({ name: 'greeter', runtime: 'python', source: { inline: PYTHON }, environment: { A: '1', B: '2' }, labels: { team: 'x' }, generation: 1, state: 'active' });
    expect(read.body.resources).toEqual({ memoryMb: 256 });
    for (const absent of ['handler', 'scaling', 'configs', 'timeoutSeconds', 'authentication', 'image', 'metering']) expect(read.body).not.toHaveProperty(absent);
    expect(read.body.effective).toEqual({
      handler: 'handler.handle', resources: { cpuMillis: 100, memoryMb: 256, ephemeralStorageMb: 256 }, scaling: { min: 1, max: 1, ...SCALING_DEFAULTS },
      traffic: [{ percent: 100 }], rollout: { strategy: 'all-at-once' }, timeoutSeconds: 60, concurrency: 0, authentication: 'required', secretDelivery: { as: 'environment', updates: 'rolling' }, metering: 'runtime',
    });
    expect(read.body.status).toMatchObject({ observedGeneration: 0, targetRevision: 1, replicas: 0, readyReplicas: 0, url: `https://run.example/${tenant}/greeter/` });
    expect(read.body.status.conditions.map((condition: { type: string; status: string; reason: string }) => [condition.type, condition.status, condition.reason])).toEqual([
      ['Ready', 'False', 'Accepted'], ['Reconciling', 'True', 'Accepted'], ['Serving', 'False', 'NoRevision'],
    ]);
    expect((await owner.get(`${functions}/${read.body.id}`)).body).toEqual(read.body);
  });

  it('is idempotent by PUT: the same again changes nothing', async () => {
    const body = { ...inline(), scaling: { max: 3 }, secrets: [] };
    const first = await owner.put(`${functions}/idem`, { name: 'idem', ...body });
    expect(first.status).toBe(202);
    const before = await traces();
    const second = await owner.put(`${functions}/idem`, body);
    expect(second.status).toBe(200);
    expect(second.body).toEqual({ ...first.body, operation: undefined });
    expect(await traces()).toEqual(before);
  });

  it('makes a new revision only for what belongs to one', async () => {
    await owner.put(`${functions}/revs`, inline());
    const scaled = await owner.put(`${functions}/revs`, { ...inline(), scaling: { min: 2, max: 4 }, labels: { a: 'b' } });
    expect([scaled.status, scaled.body.generation, scaled.body.status.targetRevision, scaled.body.operation.kind]).toEqual([202, 2, 1, 'function.update']);
    const changed = await owner.put(`${functions}/revs`, { ...inline(), environment: { X: '1' } });
    expect([changed.body.generation, changed.body.status.targetRevision, changed.body.effective.scaling]).toEqual([3, 2, { min: 1, max: 1, ...SCALING_DEFAULTS }]);
    const revisions = await owner.get(`${functions}/revs/revisions`);
    expect(revisions.body.items.map((item: { number: number; environment?: unknown; buildState: string }) => [item.number, item.environment, item.buildState])).toEqual([
      [1, undefined, 'pending'], [2, { X: '1' }, 'pending'],
    ]);
    expect((await owner.get(`${functions}/revs/revisions/2`)).body).toEqual(revisions.body.items[1]);
    expect((await owner.get(`${functions}/revs/revisions/3`)).body.code).toBe('REVISION_NOT_FOUND');
    expect((await owner.get(`${functions}/revs/revisions/x`)).status).toBe(404);
    expect(await rows(`SELECT state, count(*)::int AS n FROM operation WHERE target_name = 'revs' GROUP BY state ORDER BY state`)).toEqual([{ state: 'running', n: 1 }, { state: 'superseded', n: 2 }]);
  });

  it('tries again what could not be built', async () => {
    const { body } = await owner.put(`${functions}/again`, inline());
    await rows(`UPDATE revision SET build_state = 'failed', build_error = 'x' WHERE function_id = $1`, [body.id]);
    expect((await owner.put(`${functions}/again`, inline())).body.status.targetRevision).toBe(2);
  });

  it('numbers revisions without gaps or doubles under 20 deployments at once, and holds the quota exactly', async () => {
    const name = await newTenant();
    const path = `/v1/tenants/${name}/functions/busy`;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => owner.put(path, { ...inline(), environment: { N: String(index) }, scaling: { max: 2 } })));
    expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 20 }, () => 202));
    expect(answers.map((answer) => answer.body.status.targetRevision as number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(answers.map((answer) => answer.body.generation as number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(new Set(answers.map((answer) => answer.body.id as string)).size).toBe(1);
    expect(await used(name)).toMatchObject({ functions: 1, pods: 2, cpuMillis: 200, memoryMb: 256, ephemeralStorageMb: 512 });
    // The plan keeps ten, and the last of them is the target.
    const kept = await owner.get(`${path}/revisions`);
    expect(kept.body.items.map((item: { number: number }) => item.number)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });

  it('admits exactly as many functions as the quota has room for, whoever comes first', async () => {
    const name = await newTenant('small');
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => owner.put(`/v1/tenants/${name}/functions/f${index}`, { ...inline(), resources: { memoryMb: 512 } })));
    expect(answers.filter((answer) => answer.status === 202)).toHaveLength(4);
    const refused = answers.filter((answer) => answer.status !== 202);
    expect(new Set(refused.map((answer) => `${answer.status} ${answer.body.code}`))).toEqual(new Set(['403 QUOTA_EXCEEDED']));
    expect(await used(name)).toMatchObject({ functions: 4, memoryMb: 2048 });
    expect((await owner.get(`/v1/tenants/${name}/functions`)).body.items).toHaveLength(4);
  });

  it('costs few statements', async () => {
    const count = await countStatements();
    await owner.get(`${functions}/greeter`);
    expect(count.take()).toEqual(1);
    await owner.put(`${functions}/cheap`, inline());
    expect(count.take()).toBeLessThanOrEqual(12);
    await owner.put(`${functions}/cheap`, { ...inline(), environment: { A: 'b' } });
    expect(count.take()).toBeLessThanOrEqual(12);
    await owner.put(`${functions}/cheap`, { ...inline(), environment: { A: 'b' } });
    expect(count.take()).toBeLessThanOrEqual(3);
    count.stop();
  });
});

/** Statements inside transactions that touch tables; BEGIN and COMMIT are not among them. */
async function countStatements(): Promise<{ take(): number; stop(): void }> {
  const { Client } = await import('pg');
  const original = Client.prototype.query;
  let count = 0;
  Client.prototype.query = function (this: never, ...args: never[]) {
    const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text?: string } | undefined)?.text ?? '';
    if (!/^(BEGIN|COMMIT|ROLLBACK)/.test(text) && !/api_key|FROM member|"?member"? /.test(text)) count += 1;
    return (original as (...all: never[]) => unknown).apply(this, args);
  } as never;
  return {
    take: () => {
      const taken = count;
      count = 0;
      return taken;
    },
    stop: () => { Client.prototype.query = original; },
  };
}

describe('a merge patch', () => {
  it('changes what it names, removes what is null, and leaves the rest as it was sent', async () => {
    await owner.put(`${functions}/patched`, { ...inline(), environment: { A: '1', B: '2' }, resources: { cpuMillis: 200, memoryMb: 256 }, labels: { a: '1', b: '2' }, timeoutSeconds: 20 });
    const answer = await owner.patch(`${functions}/patched`, { environment: { A: null, C: '3' }, resources: { cpuMillis: null }, labels: { b: null }, timeoutSeconds: null, scaling: { max: 2 } });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ environment: { B: '2', C: '3' }, resources: { memoryMb: 256 }, labels: { a: '1' }, scaling: { max: 2 }, source: { inline: PYTHON } });
    expect(answer.body).not.toHaveProperty('timeoutSeconds');
    expect(answer.body.effective).toMatchObject({ resources: { cpuMillis: 100, memoryMb: 256 }, timeoutSeconds: 60, scaling: { min: 1, max: 2 } });
    expect((await owner.patch(`${functions}/patched`, {})).status).toBe(200);
  });

  it.each([
    [{ source: { archive: 'a'.repeat(64) } }, '/source'],
    [{ runtime: 'image' }, '/source'],
    [{ scaling: { min: 3, max: 2 } }, '/scaling/min'],
    [{ runtime: null }, '/runtime'],
    [{ name: 'other' }, '/name'],
  ])('is judged as the whole it makes: %j', async (patch, pointer) => {
    await owner.put(`${functions}/judged`, inline());
    const before = await traces();
    const answer = await owner.patch(`${functions}/judged`, patch);
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer]);
    expect(await traces()).toEqual(before);
  });
});

describe('preconditions', () => {
  it('honours If-Match and refuses what was changed meanwhile', async () => {
    const first = await owner.put(`${functions}/etag`, inline());
    const etag = first.headers.get('etag')!;
    expect((await owner.put(`${functions}/etag`, { ...inline(), labels: { a: '1' } }, { headers: { 'if-match': etag } })).status).toBe(202);
    for (const send of [
      () => owner.put(`${functions}/etag`, inline(), { headers: { 'if-match': etag } }),
      () => owner.patch(`${functions}/etag`, { labels: null }, { headers: { 'if-match': etag } }),
      () => owner.delete(`${functions}/etag`, { headers: { 'if-match': etag } }),
      () => owner.put(`${functions}/never-there`, inline(), { headers: { 'if-match': etag } }),
    ]) expect((await send()).status).toBe(412);
  });

  it('refuses POST for a name that is taken, and names that do not fit the address', async () => {
    expect((await owner.post(functions, { name: 'etag', ...inline() })).body.code).toBe('FUNCTION_NAME_TAKEN');
    expect((await owner.put(`${functions}/etag`, { name: 'other', ...inline() })).body.errors[0].pointer).toBe('/name');
    expect((await owner.put(`${functions}/00000000-0000-4000-8000-000000000000`, inline())).status).toBe(404);
  });

  it('keeps nothing of validateOnly', async () => {
    const before = await traces();
    const answer = await owner.put(`${functions}/preview?validateOnly=true`, inline());
    expect([answer.status, answer.body.name, answer.body.generation]).toEqual([200, 'preview', 1]);
    expect(await traces()).toEqual(before);
  });
});

describe('a wrong request', () => {
  const big = 'x'.repeat(200 * 1024);
  const cases: [string, Record<string, unknown>, number, string][] = [
    ['unknown field', { ...inline(), replicas: 3 }, 422, '/replicas'],
    ['unknown nested field', { ...inline(), scaling: { minimum: 1 } }, 422, '/scaling/minimum'],
    ['no runtime', { source: { inline: PYTHON } }, 422, '/runtime'],
    ['unknown runtime', { ...inline(), runtime: 'ruby' }, 422, '/runtime'],
    ['no source', { runtime: 'python' }, 422, '/source'],
    ['empty source', { runtime: 'python', source: {} }, 422, '/source'],
    ['two sources', { runtime: 'python', source: { inline: PYTHON, archive: 'a'.repeat(64) } }, 422, '/source'],
    ['archive that was not uploaded', { runtime: 'python', source: { archive: 'a'.repeat(64) } }, 422, '/source/archive'],
    ['digest of another form', { runtime: 'python', source: { archive: 'A'.repeat(64) } }, 422, '/source/archive'],
    ['no file', { runtime: 'python', source: { inline: {} } }, 422, '/source/inline'],
    ['way out of the folder', { runtime: 'python', source: { inline: { '../handler.py': 'x' } } }, 422, '/source/inline'],
    ['absolute path', { runtime: 'python', source: { inline: { '/etc/passwd': 'x' } } }, 422, '/source/inline'],
    ['too much inline', { runtime: 'python', source: { inline: { 'a.py': big, 'b.py': big } } }, 422, '/source/inline'],
    ['too many files', { runtime: 'python', source: { inline: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`f${index}.py`, ''])) } }, 422, '/source/inline'],
    ['a file that is no text', { runtime: 'python', source: { inline: { 'a.py': 1 } } }, 422, '/source/inline'],
    ['image for python', { ...inline(), image: 'images.example/team/a:1' }, 422, '/image'],
    ['metering for python', { ...inline(), metering: 'gateway' }, 422, '/metering'],
    ['image without image', { runtime: 'image' }, 422, '/image'],
    ['image with source', { runtime: 'image', image: 'images.example/team/a:1', source: { inline: PYTHON } }, 422, '/source'],
    ['image with handler', { runtime: 'image', image: 'images.example/team/a:1', handler: 'a.b' }, 422, '/handler'],
    ['image that is none', { runtime: 'image', image: 'No Image' }, 422, '/image'],
    ['image from elsewhere', { runtime: 'image', image: 'images.example/other/a:1' }, 422, '/image'],
    ['image of another tenant', { runtime: 'image', image: '127.0.0.1:5010/tenants/00000000-0000-4000-8000-000000000000/a:1' }, 422, '/image'],
    ['handler without function', { ...inline(), handler: 'handler' }, 422, '/handler'],
    ['handler that leaves', { ...inline(), handler: '../a.b' }, 422, '/handler'],
    ['handler for go', { runtime: 'go', source: { inline: { 'a.go': 'package function' } }, handler: 'a.Handle' }, 422, '/handler'],
    ['fewer pods than none', { ...inline(), scaling: { min: -1 } }, 422, '/scaling/min'],
    ['min above max', { ...inline(), scaling: { min: 3, max: 2 } }, 422, '/scaling/min'],
    ['max of zero', { ...inline(), scaling: { max: 0 } }, 422, '/scaling/max'],
    ['half a pod', { ...inline(), scaling: { max: 1.5 } }, 422, '/scaling/max'],
    ['too little memory', { ...inline(), resources: { memoryMb: 1 } }, 422, '/resources/memoryMb'],
    ['PORT', { ...inline(), environment: { PORT: '1' } }, 422, '/environment/PORT'],
    ['reserved name', { ...inline(), environment: { FNPLANE_TENANT: 'x' } }, 422, '/environment/FNPLANE_TENANT'],
    ['name that is none', { ...inline(), environment: { 'A-B': 'x' } }, 422, '/environment'],
    ['NUL', { ...inline(), environment: { A: 'a\0b' } }, 422, '/environment/A'],
    ['half a character', { ...inline(), environment: { A: '\ud800' } }, 422, '/environment/A'],
    ['secret that is not there', { ...inline(), secrets: ['nowhere'] }, 422, '/secrets/0'],
    ['config that is not there', { ...inline(), configs: ['nowhere'] }, 422, '/configs/0'],
    ['secret twice', { ...inline(), secrets: ['a', 'a'] }, 422, '/secrets/1'],
    ['memory beyond the plan', { ...inline(), resources: { memoryMb: 4096 } }, 403, '/resources/memoryMb'],
    ['CPU beyond the plan', { ...inline(), resources: { cpuMillis: 4000 } }, 403, '/resources/cpuMillis'],
    ['time beyond the plan', { ...inline(), timeoutSeconds: 1000 }, 403, '/timeoutSeconds'],
    ['authentication of another kind', { ...inline(), authentication: 'maybe' }, 422, '/authentication'],
    ['label that is none', { ...inline(), labels: { '-': 'x' } }, 422, '/labels'],
  ];

  it.each(cases)('%s is refused with a pointer and leaves nothing', async (_, body, status, pointer) => {
    const before = await traces();
    const answer = await owner.put(`${functions}/wrong`, body);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([status, pointer]);
    expect((await owner.get(`${functions}/wrong`)).status).toBe(404);
    expect(await traces()).toEqual(before);
  });

  it.each(['Upper', 'a---b', '9a', 'a'.repeat(41), 'a_b', 'abcdef00-0000-4000-8000-000000000000'])('the name %s is refused', async (name) => {
    const answer = await owner.post(functions, { name, ...inline() });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/name']);
  });

  it('of a quota refusal leaves nothing', async () => {
    const before = await traces();
    const answer = await owner.put(`${functions}/wrong`, { ...inline(), resources: { memoryMb: 2048 }, scaling: { max: 40 } });
    expect([answer.status, answer.body.code]).toEqual([403, 'QUOTA_EXCEEDED']);
    expect(await traces()).toEqual(before);
  });
});

describe('code archives', () => {
  const gzip = { headers: { 'content-type': 'application/gzip' } };
  const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

  it('are kept once by content, counted against the quota, and used by digest', async () => {
    const name = await newTenant();
    const bytes = await buildArchive(PYTHON);
    const address = `/v1/tenants/${name}/code/${digestOf(bytes)}`;
    const first = await owner.put(address, bytes, gzip);
    expect([first.status, first.body.digest, first.body.sizeBytes, first.body.format]).toEqual([201, digestOf(bytes), bytes.length, 'tar.gz']);
    expect((await owner.put(address, bytes, gzip)).status).toBe(200);
    expect((await owner.get(address)).body).toEqual(first.body);
    expect((await used(name)).codeMb).toBe(1);
    const deployed = await owner.put(`/v1/tenants/${name}/functions/packed`, { runtime: 'python', source: { archive: digestOf(bytes) } });
    expect([deployed.status, deployed.body.source]).toEqual([202, { archive: digestOf(bytes) }]);
    expect(await rows(`SELECT kind, name, number FROM revision_reference WHERE function_id = $1`, [deployed.body.id])).toEqual([{ kind: 'code', name: digestOf(bytes), number: 1 }]);
  });

  it('of one tenant are no other tenant\'s', async () => {
    const [first, second] = [await newTenant(), await newTenant()];
    const bytes = await buildArchive({ 'handler.py': 'x = 1' });
    await owner.put(`/v1/tenants/${first}/code/${digestOf(bytes)}`, bytes, gzip);
    expect((await owner.get(`/v1/tenants/${second}/code/${digestOf(bytes)}`)).status).toBe(404);
    const answer = await owner.put(`/v1/tenants/${second}/functions/f`, { runtime: 'python', source: { archive: digestOf(bytes) } });
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, '/source/archive']);
  });

  it('that are wrong are refused before they are kept', async () => {
    const before = await traces();
    const good = await buildArchive(PYTHON);
    const junk = Buffer.from('this is no archive');
    const put = (digest: string, bytes: Buffer, type = 'application/gzip') => owner.put(`/v1/tenants/${tenant}/code/${digest}`, bytes, { headers: { 'content-type': type } });
    const refusals: [Promise<{ status: number; body: { code: string } }>, number, string][] = [
      [put('0'.repeat(64), good), 422, 'CODE_DIGEST_MISMATCH'],
      [put('xyz', good), 422, 'CODE_DIGEST_INVALID'],
      [put(digestOf(junk), junk), 422, 'ARCHIVE_UNREADABLE'],
      [put(digestOf(good), good, 'application/zip'), 422, 'ARCHIVE_UNREADABLE'],
      [put(digestOf(good), good, 'text/plain'), 415, 'CODE_FORMAT_UNKNOWN'],
      [put(digestOf(Buffer.alloc(0)), Buffer.alloc(0)), 422, 'CODE_EMPTY'],
      [put(digestOf(Buffer.alloc(20 * 1024 * 1024 + 1)), Buffer.alloc(20 * 1024 * 1024 + 1)), 413, 'CODE_TOO_LARGE'],
    ];
    for (const [answer, status, code] of refusals) {
      const { status: found, body } = await answer;
      expect([found, body.code]).toEqual([status, code]);
    }
    expect(await traces()).toEqual(before);
  });
});

describe('deletion', () => {
  it('is visible, answers the same again, and refuses deployments meanwhile', async () => {
    const { body } = await owner.put(`${functions}/leaving`, inline());
    const first = await owner.delete(`${functions}/leaving`);
    expect([first.status, first.body.state, first.body.generation, first.body.operation.kind]).toEqual([202, 'deleting', 2, 'function.delete']);
    const second = await owner.delete(`${functions}/leaving`);
    expect([second.status, second.body.generation]).toEqual([202, 2]);
    const seen = await owner.get(`${functions}/${body.id}`);
    expect(seen.body.status.conditions[0]).toMatchObject({ type: 'Ready', status: 'False', reason: 'Deleting' });
    expect((await owner.put(`${functions}/leaving`, inline())).body.code).toBe('FUNCTION_DELETING');
    expect((await owner.delete(`${functions}/not-there`)).status).toBe(404);
  });
});

describe('who may do what', () => {
  it('tells strangers nothing and viewers no more than they may see', async () => {
    const stranger = await api.person();
    for (const answer of [await stranger.get(functions), await stranger.put(`${functions}/x`, inline()), await stranger.delete(`${functions}/greeter`)]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'TENANT_NOT_FOUND']);
    }
    expect((await api.client().get(functions)).status).toBe(401);
  });
});

describe('GraphQL', () => {
  const DEPLOY = `mutation($input: DeployFunctionInput!) { deployFunction(input: $input) {
    function { id uuid name runtime source { inline } effective { handler resources { memoryMb } scaling { min max } } status { url targetRevision } } operation { state } userErrors { field message code } } }`;

  it('deploys and reads like REST', async () => {
    const input = { tenant, function: { name: 'viagql', runtime: 'NODE', source: { inline: { 'handler.mjs': 'export const handle = () => 1;' } }, scaling: null, secrets: null } };
    const { body } = await owner.graphql(DEPLOY, { input });
    expect(body.errors).toBeUndefined();
    expect(body.data.deployFunction).toMatchObject({ userErrors: [], operation: { state: 'RUNNING' }, function: { name: 'viagql', runtime: 'NODE', effective: { scaling: { min: 1, max: 1 } } } });
    const rest = (await owner.get(`${functions}/viagql`)).body;
    expect(rest).not.toHaveProperty('scaling');
    expect(rest).not.toHaveProperty('secrets');
    expect(rest.id).toBe(body.data.deployFunction.function.uuid);
    const again = await owner.graphql(DEPLOY, { input });
    expect(again.body.data.deployFunction.operation).toBeNull();
  });

  it('points into its own input', async () => {
    const { body } = await owner.graphql(DEPLOY, { input: { tenant, function: { name: 'bad', runtime: 'PYTHON', source: { inline: PYTHON }, scaling: { min: 3, max: 2 } } } });
    expect(body.data.deployFunction).toMatchObject({ function: null, userErrors: [{ field: ['input', 'function', 'scaling', 'min'], code: 'FUNCTION_INVALID' }] });
  });

  it('lists functions with revisions and tenant without a statement for each', async () => {
    const name = await newTenant();
    for (const fn of ['a', 'b', 'c', 'd']) await owner.put(`/v1/tenants/${name}/functions/${fn}`, inline());
    const count = await countStatements();
    const { body } = await owner.graphql(`query($tenant: String!) { functions(tenant: $tenant, first: 3) { pageInfo { hasNextPage endCursor }
      nodes { name tenant { name } revisions(first: 2) { nodes { number buildState } pageInfo { hasNextPage } } } } }`, { tenant: name });
    expect(count.take()).toBeLessThanOrEqual(3);
    count.stop();
    expect(body.errors).toBeUndefined();
    expect(body.data.functions.nodes).toEqual(['a', 'b', 'c'].map((fn) => ({ name: fn, tenant: { name }, revisions: { nodes: [{ number: 1, buildState: 'PENDING' }], pageInfo: { hasNextPage: false } } })));
    const next = await owner.graphql('query($tenant: String!, $after: String) { functions(tenant: $tenant, after: $after) { nodes { name } } }', { tenant: name, after: body.data.functions.pageInfo.endCursor });
    expect(next.body.data.functions.nodes).toEqual([{ name: 'd' }]);
    const fromTenant = await owner.graphql('query($tenant: String!) { tenant(tenant: $tenant) { functions(name: "b") { nodes { name } } } }', { tenant: name });
    expect(fromTenant.body.data.tenant.functions.nodes).toEqual([{ name: 'b' }]);
  });

  it('patches and deletes', async () => {
    const patched = await owner.graphql(`mutation($input: PatchFunctionInput!) { patchFunction(input: $input) { function { labels } userErrors { code } } }`, { input: { tenant, function: 'viagql', change: { labels: { a: 'b' } } } });
    expect(patched.body.data.patchFunction).toEqual({ function: { labels: { a: 'b' } }, userErrors: [] });
    const deleted = await owner.graphql(`mutation($input: DeleteFunctionInput!) { deleteFunction(input: $input) { function { state } operation { state } userErrors { code } } }`, { input: { tenant, function: 'viagql' } });
    expect(deleted.body.data.deleteFunction).toEqual({ function: { state: 'DELETING' }, operation: { state: 'RUNNING' }, userErrors: [] });
  });
});
