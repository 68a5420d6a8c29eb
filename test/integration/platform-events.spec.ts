import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpClient } from '../../deploy/local/http-client.ts';
import type { Condition, ConditionReason, FunctionResource, RolloutPhase } from '../../src/contract/function-resource.js';
import { EventsService } from '../../src/domains/events/events.service.js';
import { CleanEventsJob } from '../../src/domains/events/jobs/clean-events.job.js';
import { FunctionProgress } from '../../src/domains/functions/function-progress.js';
import { FunctionsService } from '../../src/domains/functions/functions.service.js';
import { TenantsService } from '../../src/domains/tenants/tenants.service.js';
import { tenantJobContext, type TenantContext } from '../../src/platform/context/context.js';
import { Database } from '../../src/platform/database/database.js';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { PYTHON } from '../support/contract/examples.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.stop());

interface Team {
  id: string;
  name: string;
  path: string;
  context: TenantContext;
  owner: HttpClient;
}

async function newTeam(): Promise<Team> {
  const name = randomName('team');
  const { id } = (await api.operator.post('/v1/tenants', { name })).body as { id: string };
  const subject = randomName('owner');
  await api.operator.post(`/v1/tenants/${name}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'owner' });
  return { id, name, path: `/v1/tenants/${name}`, context: tenantJobContext('tests', { id, name }), owner: await api.person(subject) };
}

function service<T>(type: abstract new (...args: never[]) => T): T {
  return api.plane.app.get<T>(type, { strict: false });
}

interface Told {
  id: string;
  sequence: number;
  type: string;
  subject: string;
  data: Record<string, unknown>;
}

async function told(team: Team, query = ''): Promise<Told[]> {
  const { status, body } = await team.owner.get(`${team.path}/events${query}`);
  expect(status).toBe(200);
  return (body as { items: Told[] }).items;
}

/** What a cluster's watch brings of a function's target. */
async function observe(team: Team, name: string, status: Condition['status'], reason: ConditionReason, phase?: RolloutPhase): Promise<void> {
  const fn = await service(FunctionsService).get(team.context, name);
  await service(Database).statement(team.context, `UPDATE revision SET build_state = 'built', image = 'registry.example/x@sha256:' || repeat('a', 64) WHERE tenant_id = $1 AND function_id = $2`, [team.id, fn.id]);
  const condition = { type: 'Ready', status, reason, message: `words of a function: ${randomName('secret')}`, lastTransitionTime: new Date().toISOString() } as Condition;
  const resource = {
    metadata: { name }, spec: { target: fn.targetRevision, revisions: [], functionId: fn.id, tenantId: team.id, tenant: team.name },
    status: { observedPlatformGeneration: fn.generation, conditions: [condition], ...(phase ? { rollout: { revision: fn.targetRevision, attempt: fn.rolloutState.attempt, phase, step: 0, weight: 0 } } : {}) },
  } as unknown as FunctionResource;
  await service(FunctionProgress).observed(team.context, fn.id, resource);
}

describe('what happens to a function', () => {
  it('is told once each, with its revision and without a word that it wrote', async () => {
    const team = await newTeam();
    const at = `${team.path}/functions/hello`;
    await team.owner.put(at, PYTHON);
    await team.owner.put(at, PYTHON);
    await observe(team, 'hello', 'False', 'Deploying');
    for (let time = 0; time < 2; time += 1) await observe(team, 'hello', 'True', 'Ready');
    await observe(team, 'hello', 'False', 'Idle');
    await observe(team, 'hello', 'True', 'Ready');
    // It waited for a node and is back: nothing new.
    await observe(team, 'hello', 'False', 'Deploying');
    await observe(team, 'hello', 'True', 'Ready');
    for (let time = 0; time < 2; time += 1) await observe(team, 'hello', 'False', 'CrashLooping');
    await observe(team, 'hello', 'True', 'Ready');
    await team.owner.put(at, { ...PYTHON, timeoutSeconds: 9 });
    await team.owner.patch(at, { labels: { a: 'b' } });
    await observe(team, 'hello', 'True', 'Ready', 'stepping');
    await observe(team, 'hello', 'True', 'Ready', 'completed');
    await team.owner.put(at, { ...PYTHON, timeoutSeconds: 10 });
    const seen = await service(FunctionsService).get(team.context, 'hello');
    for (let time = 0; time < 2; time += 1) await service(FunctionProgress).buildFailed(team.context, seen, 'BuildFailed', 'compiler words');
    const events = await told(team);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['function.deployed', { function: 'hello', revision: 1, generation: 1 }], ['function.ready', { function: 'hello', revision: 1, generation: 1 }],
      ['function.failed', { function: 'hello', revision: 1, generation: 1, reason: 'CrashLooping' }], ['function.ready', { function: 'hello', revision: 1, generation: 1 }],
      ['function.deployed', { function: 'hello', revision: 2, generation: 2 }], ['function.ready', { function: 'hello', revision: 2, generation: 3 }], ['release.promoted', { function: 'hello', revision: 2 }],
      ['function.deployed', { function: 'hello', revision: 3, generation: 4 }], ['function.failed', { function: 'hello', revision: 3, generation: 4, reason: 'BuildFailed' }],
    ]);
    expect(JSON.stringify(events)).not.toMatch(/words/);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    await service(FunctionProgress).gone(team.context, seen);
    expect((await told(team)).at(-1)).toMatchObject({ type: 'function.deleted', subject: 'functions/hello' });
  });

  it('is told of releases that are taken back', async () => {
    const team = await newTeam();
    const at = `${team.path}/functions/hello`;
    await team.owner.put(at, PYTHON);
    await observe(team, 'hello', 'True', 'Ready', 'completed');
    await team.owner.put(at, { ...PYTHON, timeoutSeconds: 9 });
    for (let time = 0; time < 2; time += 1) await observe(team, 'hello', 'False', 'RolloutAborted', 'aborted');
    expect((await told(team)).slice(2).map(({ type, data }) => [type, data.revision])).toEqual([['function.deployed', 2], ['release.aborted', 2], ['function.failed', 2]]);
  });
});

describe('what happens to a tenant', () => {
  it('is told: suspension, spending, secrets', async () => {
    const team = await newTeam();
    await team.owner.put(`${team.path}/secrets/db`, { data: { A: '1' } });
    await team.owner.put(`${team.path}/secrets/db`, { data: { A: 'hidden-value' } });
    await team.owner.post(`${team.path}/secrets/db/versions/1/activation`);
    for (const level of ['writes', 'writes', 'compute', 'none', 'none']) await api.operator.put(`${team.path}/suspension`, { level });
    const reached = { month: '2026-11', limit: '250.00', spent: '251.17', currency: 'EUR', at: new Date().toISOString() };
    for (const spent of [reached, { ...reached, spent: '260.00' }, null, null]) await service(TenantsService).setSpending(team.context, spent);
    const events = await told(team);
    expect(events.map(({ type, subject, data }) => [type, subject, data])).toEqual([
      ['secret.rotated', 'secrets/db', { secret: 'db', version: 2 }], ['secret.rotated', 'secrets/db', { secret: 'db', version: 1 }],
      ['tenant.suspended', 'suspension', { level: 'writes', before: 'none' }], ['tenant.suspended', 'suspension', { level: 'compute', before: 'writes' }], ['tenant.resumed', 'suspension', { level: 'none', before: 'compute' }],
      ['spend.limit-reached', 'spending', { month: '2026-11', limit: '250.00', currency: 'EUR' }], ['spend.limit-lifted', 'spending', { month: '2026-11', limit: '250.00', currency: 'EUR' }],
    ]);
    expect(JSON.stringify(events)).not.toMatch(/hidden-value|251.17/);
  });
});

describe('the list of events', () => {
  it('is paged, filtered and the tenant\'s own, over both APIs', async () => {
    const [team, others] = [await newTeam(), await newTeam()];
    for (const name of ['one', 'two', 'three']) await team.owner.put(`${team.path}/functions/${name}`, PYTHON);
    await team.owner.put(`${team.path}/functions/two`, { ...PYTHON, timeoutSeconds: 9 });
    await observe(team, 'two', 'True', 'Ready');
    expect((await told(team, '?subject=functions/two')).map(({ type }) => type)).toEqual(['function.deployed', 'function.deployed', 'function.ready']);
    expect((await told(team, '?type=function.ready')).map(({ subject }) => subject)).toEqual(['functions/two']);
    const subjects: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body } = await team.owner.get(`${team.path}/events?limit=2${cursor && `&cursor=${encodeURIComponent(cursor)}`}`) as { body: { items: Told[]; nextCursor: string | null } };
      expect(body.items.length).toBeLessThanOrEqual(2);
      subjects.push(...body.items.map(({ subject }) => subject));
      cursor = body.nextCursor;
    }
    expect(subjects).toEqual(['one', 'two', 'three', 'two', 'two'].map((name) => `functions/${name}`));
    expect((await team.owner.get(`${team.path}/events?type=nothing`)).status).toBe(422);
    const [first] = await told(team);
    expect((await team.owner.get(`${team.path}/events/${first!.id}`)).body).toMatchObject({ id: first!.id, source: `/tenants/${team.name}`, time: expect.any(String) as string });
    expect((await others.owner.get(`${others.path}/events/${first!.id}`)).body).toMatchObject({ status: 404, code: 'EVENT_NOT_FOUND' });
    expect(await told(others)).toEqual([]);

    const query = `query($tenant: String!, $event: String!) { events(tenant: $tenant, type: FUNCTION_DEPLOYED, subject: "functions/two", first: 1) { nodes { id uuid sequence type source subject time data } pageInfo { hasNextPage endCursor } }
      event(tenant: $tenant, event: $event) { uuid } tenant(tenant: $tenant) { events(first: 1) { nodes { uuid } } } }`;
    const { body } = await team.owner.graphql(query, { tenant: team.name, event: first!.id });
    expect(body).toMatchObject({ data: { events: { nodes: [{ type: 'FUNCTION_DEPLOYED', subject: 'functions/two', sequence: 2, data: { revision: 1 } }], pageInfo: { hasNextPage: true } }, event: { uuid: first!.id }, tenant: { events: { nodes: [{ uuid: first!.id }] } } } });
    const more = await team.owner.graphql('query($tenant: String!, $after: String) { events(tenant: $tenant, type: FUNCTION_DEPLOYED, subject: "functions/two", after: $after) { nodes { sequence } } }', { tenant: team.name, after: body.data.events.pageInfo.endCursor as string });
    expect(more.body).toMatchObject({ data: { events: { nodes: [{ sequence: 4 }] } } });
    const node = await team.owner.graphql('query($id: ID!) { node(id: $id) { ... on PlatformEvent { uuid } } }', { id: body.data.events.nodes[0].id as string });
    expect(node.body).toMatchObject({ data: { node: { uuid: body.data.events.nodes[0].uuid as string } } });
  });

  it('holds nothing of what was rolled back or only checked', async () => {
    const team = await newTeam();
    await team.owner.put(`${team.path}/functions/f?validateOnly=true`, PYTHON);
    await expect(service(Database).transaction(team.context, async () => {
      await service(EventsService).record(team.context, { type: 'function.ready', subject: 'functions/f', data: {} });
      throw new Error('taken back');
    })).rejects.toThrow('taken back');
    expect(await told(team)).toEqual([]);
  });

  it('has no event before one that was seen: whoever takes a number has committed before the next one is given', async () => {
    const team = await newTeam();
    const record = (subject: string) => service(EventsService).record(team.context, { type: 'function.ready', subject, data: {} });
    await Promise.all(Array.from({ length: 40 }, (_, index) => record(`functions/f${index}`)));
    const seen: number[] = [];
    const writing = Promise.all(Array.from({ length: 40 }, (_, index) => record(`functions/g${index}`)));
    let done = false;
    void writing.then(() => { done = true; });
    while (!done) {
      const { events } = await service(EventsService).after(team.context, { recipient: randomUUID(), types: null }, seen.at(-1) ?? 0, 1_000);
      seen.push(...events.map(({ sequence }) => sequence));
    }
    seen.push(...(await service(EventsService).after(team.context, { recipient: randomUUID(), types: null }, seen.at(-1) ?? 0, 1_000)).events.map(({ sequence }) => sequence));
    expect(seen).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
  });

  it('goes back 30 days', async () => {
    const team = await newTeam();
    for (const name of ['old', 'young']) await service(EventsService).record(team.context, { type: 'function.ready', subject: name, data: {} });
    await api.plane.database.dataSource.query(`UPDATE platform_event SET at = clock_timestamp() - interval '30 days 1 minute' WHERE tenant_id = $1 AND subject = 'old'`, [team.id]);
    expect(await service(CleanEventsJob).handle()).toEqual({ again: 'after', delayMs: 600_000 });
    expect((await told(team)).map(({ subject }) => subject)).toEqual(['young']);
  });
});
