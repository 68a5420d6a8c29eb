import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { tenantJobContext, type TenantContext } from '../../platform/context/context.js';
import { kafkaTriggerNotFound } from './kafka-triggers.errors.js';

let api: TestApi;
let shop: Team;
let bank: Team;

interface Team {
  name: string;
  path: string;
  context: TenantContext;
}

beforeAll(async () => {
  api = await startApi({ FNPLANE_BROKER_RANGES: '10.9.0.0/16' });
  [shop, bank] = await Promise.all([newTeam(), newTeam()]);
});
afterAll(() => api.stop());

async function newTeam(): Promise<Team> {
  const name = randomName('team');
  const made = await api.operator.post('/v1/tenants', { name });
  const team = { name, path: `/v1/tenants/${name}`, context: tenantJobContext('kafka-triggers-test', { id: made.body.id as string, name }) };
  for (const fn of ['pay', 'ship']) await api.operator.post(`${team.path}/functions`, { name: fn, runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } });
  return team;
}

function body(more: object = {}) {
  return { name: randomName('t'), function: 'pay', brokers: ['kafka.example:9092'], topics: ['orders'], ...more };
}

const create = (team: Team, more: object = {}) => api.operator.post(`${team.path}/kafka-triggers`, body(more));

function sql<Row>(text: string, values: unknown[]): Promise<Row[]> {
  return api.plane.database.dataSource.query<Row[]>(text, values);
}

async function asked(team: Team, id: unknown): Promise<number> {
  const [row] = await sql<{ gen: number }>(`SELECT gen::int FROM work_item WHERE kind = 'kafka-trigger' AND key = $1`, [`${team.context.tenantId}/${String(id)}`]);
  return row?.gen ?? 0;
}

describe('a Kafka trigger', () => {
  it('is answered as it was sent, changed, listed and deleted; a worker is asked to look at it each time', async () => {
    const sent = body({ brokers: ['kafka.example:9092', '10.9.0.1:9092', '[2600::1]:9092'], topics: ['orders', 'returns'], batchSize: 10, deadLetterTopic: 'dead', path: '/in' });
    const made = await api.operator.post(`${shop.path}/kafka-triggers`, sent);
    expect([made.status, made.headers.get('location')]).toEqual([201, `${shop.path}/kafka-triggers/${sent.name}`]);
    expect(made.body).toMatchObject({
      ...sent, effective: { consumerGroup: `fnplane.${shop.name}.${sent.name}`, startPosition: 'earliest', batchSize: 10, batchWindowMs: 0, maxBatchBytes: 1_048_576, concurrency: 4, maxAttempts: 3, onExhausted: 'skip', path: '/in', suspended: false },
      status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'Starting' }], assignedPartitions: 0, delivered: 0, failed: 0, deadLettered: 0, skipped: 0 },
    });
    for (const field of ['consumerGroup', 'batchWindowMs', 'suspended', 'secret']) expect(made.body).not.toHaveProperty(field);
    expect((await api.operator.get(`${shop.path}/kafka-triggers/${String(made.body.id)}`)).body).toEqual(made.body);
    expect((await api.operator.get(`${shop.path}/kafka-triggers?name=${sent.name}`)).body).toEqual({ items: [made.body], nextCursor: null });
    expect(await asked(shop, made.body.id)).toBe(1);

    const path = `${shop.path}/kafka-triggers/${sent.name}`;
    const patched = await api.operator.send('PATCH', path, { body: { function: 'ship', topics: ['orders'], batchSize: null, suspended: true }, headers: { 'if-match': `"${String(made.body.etag)}"` } });
    expect([patched.status, patched.body.function, patched.body.topics, patched.body.suspended]).toEqual([200, 'ship', ['orders'], true]);
    expect(patched.body).toMatchObject({ effective: { batchSize: 100, suspended: true }, status: { conditions: [{ status: 'False', reason: 'Suspended' }] } });
    expect(patched.body).not.toHaveProperty('batchSize');
    expect((await api.operator.send('PATCH', path, { body: {}, headers: { 'if-match': `"${String(made.body.etag)}"` } })).status).toBe(412);
    expect((await api.operator.send('PATCH', path, { body: { suspended: true } })).body.etag).toBe(patched.body.etag);
    expect(await asked(shop, made.body.id)).toBe(2);

    expect((await api.operator.delete(path)).status).toBe(204);
    expect((await api.operator.get(path)).body.code).toBe('KAFKA_TRIGGER_NOT_FOUND');
    expect(await asked(shop, made.body.id)).toBe(3);
    const { items } = (await api.operator.get(`${shop.path}/audit?target=${sent.name}&result=done`)).body as { items: { action: string }[] };
    expect(items.map(({ action }) => action).sort()).toEqual(['kafka-trigger.create', 'kafka-trigger.delete', 'kafka-trigger.update']);
  });

  it('goes the same way over GraphQL', async () => {
    const fields = 'id uuid name function brokers topics startPosition effective { consumerGroup startPosition onExhausted } status { conditions { reason } delivered lag } etag';
    const kafkaTrigger = body({ startPosition: 'LATEST', onExhausted: 'BLOCK', sasl: null });
    const made = (await api.operator.graphql(`mutation($input: CreateKafkaTriggerInput!) { createKafkaTrigger(input: $input) { kafkaTrigger { ${fields} } userErrors { code field } } }`, { input: { tenant: shop.name, kafkaTrigger } })).body.data.createKafkaTrigger;
    expect(made).toMatchObject({ userErrors: [], kafkaTrigger: { name: kafkaTrigger.name, brokers: ['kafka.example:9092'], startPosition: 'LATEST', effective: { startPosition: 'LATEST', onExhausted: 'BLOCK' }, status: { conditions: [{ reason: 'Starting' }], delivered: 0, lag: null } } });
    expect((await api.operator.graphql(`query($t: String!, $k: String!) { kafkaTrigger(tenant: $t, kafkaTrigger: $k) { ${fields} } }`, { t: shop.name, k: made.kafkaTrigger.uuid })).body.data.kafkaTrigger).toEqual(made.kafkaTrigger);
    expect((await api.operator.graphql(`query($id: ID!) { node(id: $id) { ... on KafkaTrigger { ${fields} } } }`, { id: made.kafkaTrigger.id })).body.data.node).toEqual(made.kafkaTrigger);
    expect((await api.operator.graphql(`query($t: String!, $n: String) { kafkaTriggers(tenant: $t, name: $n) { nodes { ${fields} } } }`, { t: shop.name, n: kafkaTrigger.name })).body.data.kafkaTriggers.nodes).toEqual([made.kafkaTrigger]);
    const patch = 'mutation($input: PatchKafkaTriggerInput!) { patchKafkaTrigger(input: $input) { kafkaTrigger { startPosition effective { startPosition } } userErrors { code field } } }';
    const input = { tenant: shop.name, kafkaTrigger: kafkaTrigger.name };
    expect((await api.operator.graphql(patch, { input: { ...input, ifMatch: '00000000-1', change: {} } })).body.data.patchKafkaTrigger.userErrors).toEqual([{ code: 'ETAG_MISMATCH', field: null }]);
    expect((await api.operator.graphql(patch, { input: { ...input, change: { topics: ['a', 'a'] } } })).body.data.patchKafkaTrigger.userErrors).toMatchObject([{ code: 'KAFKA_TRIGGER_INVALID' }]);
    expect((await api.operator.graphql(patch, { input: { ...input, change: { startPosition: null } } })).body.data.patchKafkaTrigger).toEqual({ kafkaTrigger: { startPosition: null, effective: { startPosition: 'EARLIEST' } }, userErrors: [] });
    expect((await api.operator.graphql('mutation($input: DeleteKafkaTriggerInput!) { deleteKafkaTrigger(input: $input) { kafkaTrigger { name } userErrors { code } } }', { input })).body.data.deleteKafkaTrigger).toEqual({ kafkaTrigger: { name: kafkaTrigger.name }, userErrors: [] });
    expect((await api.operator.get(`${shop.path}/kafka-triggers/${kafkaTrigger.name}`)).status).toBe(404);
  });

  it.each<[object, string, string]>([
    [{ brokers: ['169.254.169.254:80'] }, 'KAFKA_TRIGGER_INVALID', '/brokers/0'], [{ brokers: ['127.0.0.1:9092'] }, 'KAFKA_TRIGGER_INVALID', '/brokers/0'], [{ brokers: ['10.0.0.1:9092'] }, 'KAFKA_TRIGGER_INVALID', '/brokers/0'],
    [{ brokers: ['2130706433:9092'] }, 'KAFKA_TRIGGER_INVALID', '/brokers/0'], [{ deadLetterTopic: 'orders' }, 'KAFKA_TRIGGER_INVALID', '/deadLetterTopic'], [{ sasl: 'PLAIN', secret: 'x' }, 'KAFKA_TRIGGER_INVALID', '/tls'],
    [{ function: 'nothing' }, 'KAFKA_TRIGGER_FUNCTION_NOT_FOUND', '/function'], [{ tls: true, secret: 'nothing' }, 'SECRET_NOT_FOUND', '/secret'],
  ])('with %j is refused: %s at %s', async (more, code, pointer) => {
    const refused = await create(shop, more);
    expect(refused.body).toMatchObject({ status: 422, code, errors: [expect.objectContaining({ pointer })] });
  });

  it('reads as a group of its own, and has a name of its own', async () => {
    const first = (await create(shop, { consumerGroup: 'mine' })).body;
    expect((await create(shop, { consumerGroup: 'mine' })).body).toMatchObject({ status: 409, code: 'KAFKA_TRIGGER_GROUP_TAKEN' });
    expect((await create(shop, { name: first.name as string })).body).toMatchObject({ status: 409, code: 'KAFKA_TRIGGER_NAME_TAKEN' });
    expect((await create(bank, { consumerGroup: 'mine' })).status).toBe(201);
  });

  it('belongs to its tenant; viewers read it and change nothing; frozen tenants change nothing; it goes with its function', async () => {
    const team = await newTeam();
    const made = (await create(team)).body;
    for (const reference of [made.id, made.name] as string[]) {
      for (const answer of [await api.operator.get(`${bank.path}/kafka-triggers/${reference}`), await api.operator.send('PATCH', `${bank.path}/kafka-triggers/${reference}`, { body: {} }), await api.operator.delete(`${bank.path}/kafka-triggers/${reference}`)]) {
        expect(answer.body).toMatchObject({ status: 404, code: 'KAFKA_TRIGGER_NOT_FOUND', detail: kafkaTriggerNotFound().message });
      }
    }
    const subject = randomName('viewer');
    await api.operator.post(`${team.path}/members`, { issuer: 'https://tests.fnplane.invalid', subject, role: 'viewer' });
    const viewer = await api.person(subject);
    expect((await viewer.get(`${team.path}/kafka-triggers`)).body.items).toHaveLength(1);
    expect((await viewer.post(`${team.path}/kafka-triggers`, body())).status).toBe(403);
    await api.operator.put(`${team.path}/suspension`, { level: 'writes' });
    expect((await create(team)).body.code).toBe('TENANT_SUSPENDED');
    await sql('DELETE FROM function WHERE tenant_id = $1 AND name = $2', [team.context.tenantId, 'pay']);
    expect((await api.operator.get(`${team.path}/kafka-triggers`)).body.items).toEqual([]);
  });
});
