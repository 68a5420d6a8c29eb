import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../../deploy/local/cluster/layout.ts';
import { Progress } from '../../../deploy/local/cluster/progress.ts';
import { KafkaBroker } from '../../../deploy/local/kafka/broker.ts';
import { ensureKafka } from '../../../deploy/local/kafka/jars.ts';
import { TestTopics } from '../../../deploy/local/kafka/topics.ts';
import { randomName, startApi, type TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { tenantNamespace } from '../../contract/names.js';
import type { WakeAnswer } from '../../contract/wake.js';
import { GatewayRig, podName, TestTenant, type TestPod } from '../../gateway/testing/gateway-rig.js';
import { makeServingCertificate, type ServingCertificate } from '../../operator/metrics-api/certificates.js';
import { tenantJobContext } from '../../platform/context/context.js';
import { JobRunner } from '../../platform/jobs/job-runner.js';
import { BrokerSet } from '../../platform/kafka/broker-set.js';
import { fetchRecords, produceRecord } from '../../platform/kafka/group-calls.js';
import type { KafkaRecord } from '../../platform/kafka/record-batches.policy.js';
import { fetchCommitted, findLeaders } from '../../platform/kafka/topic-questions.js';
import { parseAddressRange } from '../../platform/network/address-range.policy.js';
import { registry } from '../../platform/observability/metrics.js';
import { EnvironmentService } from '../configuration/environment.service.js';
import { FunctionCalls } from '../invocations/function-calls.js';
import { TenantDirectory } from '../tenants/tenant-directory.js';
import { ConsumerTally } from './consumer-tally.js';
import { ConsumeKafkaJob } from './jobs/consume-kafka.job.js';
import { TriggerConsumer } from './jobs/trigger-consumer.js';
import { effectiveOf } from './kafka-trigger-rules.policy.js';
import { SharedRoom } from './shared-room.js';
import { KafkaRunsRepository } from './store/kafka-runs.repository.js';

const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } };
const RULES = { allowed: [parseAddressRange('127.0.0.1/32')!] };
const PASSWORD = 'correct horse';
const SOON = { withinMs: 30_000, everyMs: 50 };

let rig: GatewayRig;
let api: TestApi;
let kafka: KafkaBroker;
let topics: TestTopics;
let brokers: BrokerSet;
let serving: ServingCertificate;
let worker: JobRunner;
/** What wakes where nothing runs, by namespace. */
const sleepers = new Map<string, WakeAnswer>();

beforeAll(async () => {
  serving = await makeServingCertificate({ dnsNames: ['broker.example'], addresses: ['127.0.0.1'], lifetimeMs: 3_600_000 });
  [rig, kafka] = await Promise.all([new GatewayRig().start({ waker: { wake: ({ namespace }) => Promise.resolve(sleepers.get(namespace)) } }), ensureKafka(cacheFolder(), new Progress(true)).then((jars) => KafkaBroker.start({ jars, secured: { ...serving, user: 'tenant', password: PASSWORD } }))]);
  topics = new TestTopics(kafka.address);
  brokers = new BrokerSet({ brokers: [kafka.address] }, RULES, 10_000, undefined, 32 * 1024 * 1024);
  api = await startApi({ FNPLANE_GATEWAY_URL: rig.url, FNPLANE_INTERNAL_SECRET: rig.secret, FNPLANE_BROKER_RANGES: '127.0.0.1/32' });
  worker = new JobRunner(api.plane.database, api.config.DATABASE_URL!, [service(ConsumeKafkaJob)]);
  worker.start();
}, 180_000);

afterAll(async () => {
  await worker?.stop(15_000);
  brokers?.close();
  await topics?.close();
  await Promise.all([api?.stop(), rig?.stop(), kafka?.remove()]);
}, 60_000);

interface Call {
  topic: string;
  partition: number;
  records: { offset: number; timestamp: number; key?: string | null; keyBase64?: string; value?: string | null; valueBase64?: string; headers: { key: string; value?: string; valueBase64?: string }[] }[];
}

interface Taken extends Call {
  headers: Record<string, string | string[] | undefined>;
  url: string;
}

interface Team {
  path: string;
  id: string;
  name: string;
  tenant: TestTenant;
  pod: TestPod;
  calls: Taken[];
}

function service<T>(type: abstract new (...args: never[]) => T): T {
  return api.plane.app.get<T>(type, { strict: false });
}

function sql<Row>(text: string, values: unknown[] = []): Promise<Row[]> {
  return api.plane.database.dataSource.query<Row[]>(text, values);
}

/** A tenant with a function of one pod. @param answer status of a call */
async function newTeam(answer: (call: Taken) => number | Promise<number> = () => 200): Promise<Team> {
  const name = randomName('team');
  const { id } = (await api.operator.post('/v1/tenants', { name })).body as { id: string };
  const calls: Taken[] = [];
  const handler: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).once('end', () => {
      const call = { ...(JSON.parse(Buffer.concat(chunks).toString('utf8')) as Call), headers: request.headers, url: request.url! };
      calls.push(call);
      void Promise.resolve(answer(call)).then((status) => response.writeHead(status).end());
    });
  };
  const tenant = Object.assign(new TestTenant(name), { id, namespace: tenantNamespace(id) });
  expect((await api.operator.post(`/v1/tenants/${name}/functions`, { name: 'orders', ...SOURCE })).status).toBe(202);
  const pod = await rig.pod(handler);
  rig.deploy(tenant, 'orders', [pod]);
  return { path: `/v1/tenants/${name}`, id, name, tenant, pod, calls };
}

async function newTopic(partitions = 1): Promise<string> {
  const topic = randomName('topic');
  await topics.create(topic, partitions);
  return topic;
}

async function newTrigger(team: Team, topic: string, more: object = {}): Promise<string> {
  const name = randomName('trigger');
  const made = await api.operator.post(`${team.path}/kafka-triggers`, { name, function: 'orders', brokers: [kafka.address], topics: [topic], ...more });
  expect([made.status, made.body]).toEqual([201, expect.objectContaining({ name })]);
  return name;
}

interface Status {
  conditions: { type: string; status: string; reason: string; message: string }[];
  assignedPartitions: number;
  lag?: number;
  lastDeliveryAt?: string;
  delivered: number;
  failed: number;
  deadLettered: number;
  skipped: number;
}

async function statusOf(team: Team, name: string): Promise<Status> {
  return (await api.operator.get(`${team.path}/kafka-triggers/${name}`)).body.status as Status;
}

function reason(team: Team, name: string, expected: string): Promise<Status> {
  return eventually(async () => {
    const status = await statusOf(team, name);
    expect(status.conditions[0]!.reason).toBe(expected);
    return status;
  }, SOON);
}

async function write(topic: string, ...records: (Partial<Pick<KafkaRecord, 'key' | 'value' | 'headers'>> | string)[]): Promise<void> {
  for (const record of records) await produceRecord(brokers, topic, 0, { key: null, value: null, headers: [], ...(typeof record === 'string' ? { value: Buffer.from(record) } : record) }, (broker) => broker);
}

/** All of a topic's first partition. */
async function read(topic: string): Promise<KafkaRecord[]> {
  const leaders = await findLeaders(brokers, topic, (broker) => broker);
  brokers.refill();
  const [found] = await fetchRecords(leaders.get(0)!, [{ topic, partition: 0, from: 0n }], { maxWaitMs: 100, bytes: 1 << 24, partitionBytes: 1 << 24, enough: 1 << 24, most: 1 << 24 });
  return found?.records ?? [];
}

function committed(group: string, topic: string, partitions = [0]): Promise<Map<number, bigint>> {
  return fetchCommitted(brokers, { topic, consumerGroup: group }, partitions, (broker) => broker);
}

const offsets = (calls: readonly Call[], partition = 0): number[] => calls.filter((call) => call.partition === partition).flatMap(({ records }) => records.map(({ offset }) => offset));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const text = (record: KafkaRecord, name: string): string | undefined => record.headers.find(([key]) => key.toString() === name)?.[1]?.toString();

describe('records', () => {
  it('are delivered in the order of their partition, in batches, and committed', async () => {
    const [team, topic] = [await newTeam(), await newTopic(3)];
    for (const partition of [0, 1, 2]) await topics.produce(topic, partition, 30);
    const name = await newTrigger(team, topic, { batchSize: 7, concurrency: 2, path: '/in?from=kafka' });
    const group = `fnplane.${team.name}.${name}`;
    await eventually(async () => expect(await committed(group, topic, [0, 1, 2])).toEqual(new Map([[0, 30n], [1, 30n], [2, 30n]])), SOON);
    for (const partition of [0, 1, 2]) expect(offsets(team.calls, partition)).toEqual(upTo(30));
    expect(Math.max(...team.calls.map(({ records }) => records.length))).toBeLessThanOrEqual(7);
    const [first] = team.calls;
    expect(first).toMatchObject({ url: '/in?from=kafka', topic, headers: { 'content-type': 'application/json', 'x-kafka-trigger': name, 'x-kafka-attempt': '1', 'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string } });
    expect(first!.records[0]).toEqual({ offset: 0, timestamp: expect.any(Number) as number, key: '', value: '0', headers: [] });
    expect(new Set(team.calls.map(({ headers }) => headers['x-request-id'])).size).toBe(team.calls.length);
    await eventually(async () => expect(await statusOf(team, name)).toMatchObject({ assignedPartitions: 3, lag: 0, delivered: 90, failed: 0, deadLettered: 0, skipped: 0, lastDeliveryAt: expect.any(String) as string, conditions: [{ type: 'Ready', status: 'True', reason: 'Consuming' }] }), SOON);
    expect(await registry.metrics()).toMatch(/^fnplane_kafka_trigger_records_total\{outcome="delivered"\} [1-9]/m);
  }, 60_000);

  it('wait for each other as long as the window, and no longer than until the batch is full', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    const name = await newTrigger(team, topic, { batchSize: 5, batchWindowMs: 10_000 });
    await reason(team, name, 'Consuming');
    await write(topic, 'a', 'b', 'c', 'd');
    await write(topic, 'e');
    await eventually(async () => expect(team.calls.map(({ records }) => records.length)).toEqual([5]), { ...SOON, withinMs: 9_000 });
  }, 60_000);

  it('come as they are: no UTF-8, nothing at all, header fields of one name twice', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    await write(topic, { key: bytes, value: bytes, headers: [[Buffer.from('h'), bytes], [Buffer.from('h'), Buffer.from('2')]] }, { key: Buffer.from('gone'), value: null }, { value: Buffer.alloc(0) }, { value: Buffer.from('Grüße\n"') });
    await newTrigger(team, topic);
    await eventually(async () => expect(offsets(team.calls)).toEqual(upTo(4)), SOON);
    expect(team.calls[0]!.records.map(({ offset: _, timestamp: __, ...rest }) => rest)).toEqual([
      { keyBase64: '/wD+', valueBase64: '/wD+', headers: [{ key: 'h', valueBase64: '/wD+' }, { key: 'h', value: '2' }] },
      { key: 'gone', value: null, headers: [] }, { key: null, value: '', headers: [] }, { key: null, value: 'Grüße\n"', headers: [] },
    ]);
  }, 60_000);

  it('that fail end among the dead letters, alone; their neighbours are delivered', async () => {
    const [topic, dead] = [await newTopic(), await newTopic()];
    const team = await newTeam(({ records }) => (records.some(({ value }) => value === 'poison') ? 500 : 200));
    await write(topic, '0', '1', '2', { key: Buffer.from('k'), value: Buffer.from('poison'), headers: [[Buffer.from('own'), Buffer.from('kept')]] }, '4', '5');
    const name = await newTrigger(team, topic, { maxAttempts: 2, deadLetterTopic: dead });
    await eventually(async () => expect(await statusOf(team, name)).toMatchObject({ delivered: 5, deadLettered: 1, skipped: 0, lag: 0, conditions: [{ reason: 'Consuming' }] }), SOON);
    expect(team.calls.filter(({ records }) => records.length === 1 && records[0]!.value === 'poison').map(({ headers }) => headers['x-kafka-attempt'])).toEqual(['1', '2']);
    const [letter, ...more] = await read(dead);
    expect(more).toEqual([]);
    expect([letter!.key!.toString(), letter!.value!.toString(), text(letter!, 'own')]).toEqual(['k', 'poison', 'kept']);
    expect(['trigger', 'topic', 'partition', 'offset', 'attempts', 'error'].map((field) => text(letter!, `fnplane-${field}`))).toEqual([name, topic, '0', '3', '2', 'FUNCTION_ERROR: The function answered with status 500.']);
  }, 60_000);

  it('that fail without a topic for dead letters are passed over, or hold their partition up until that is changed', async () => {
    const topic = await newTopic();
    const team = await newTeam(({ records }) => (records.some(({ value }) => value === 'poison') ? 422 : 200));
    await write(topic, '0', 'poison', '2');
    const name = await newTrigger(team, topic, { onExhausted: 'block' });
    const blocked = await reason(team, name, 'Blocked');
    expect(blocked).toMatchObject({ delivered: 1, skipped: 0, lag: 2, conditions: [{ status: 'False', message: expect.stringContaining('offset 1') as string }] });
    expect((await api.operator.send('PATCH', `${team.path}/kafka-triggers/${name}`, { body: { onExhausted: null } })).status).toBe(200);
    await eventually(async () => expect(await statusOf(team, name)).toMatchObject({ delivered: 2, skipped: 1, lag: 0, conditions: [{ reason: 'Consuming' }] }), SOON);
  }, 60_000);

  it('of 10 MB are not delivered, and their neighbours are', async () => {
    const [team, topic, dead] = [await newTeam(), randomName('topic'), await newTopic()];
    await topics.create(topic, 1, { 'max.message.bytes': '12000000' });
    await write(topic, 'before', { value: Buffer.alloc(10_000_000, 'x') }, 'after');
    const name = await newTrigger(team, topic, { deadLetterTopic: dead });
    await eventually(async () => expect(await statusOf(team, name)).toMatchObject({ delivered: 2, deadLettered: 1, lag: 0 }), SOON);
    expect(offsets(team.calls)).toEqual([0, 2]);
    const [letter] = await read(dead);
    expect([letter!.value!.length, text(letter!, 'fnplane-value-omitted'), text(letter!, 'fnplane-error')]).toEqual([0, '10000000', expect.stringMatching(/^RECORD_TOO_LARGE: /)]);
  }, 60_000);

  it('that were there before are not for those who begin at the latest, and none is lost between two consumers', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    await write(topic, 'old');
    const name = await newTrigger(team, topic, { startPosition: 'latest' });
    await reason(team, name, 'Consuming');
    expect(await committed(`fnplane.${team.name}.${name}`, topic)).toEqual(new Map([[0, 1n]]));
    const path = `${team.path}/kafka-triggers/${name}`;
    await api.operator.send('PATCH', path, { body: { suspended: true } });
    await reason(team, name, 'Suspended');
    await eventually(async () => expect(await sql(`SELECT key FROM work_item WHERE kind = 'kafka-trigger' AND key LIKE $1`, [`${team.id}/%`])).toEqual([]), SOON);
    await write(topic, 'meanwhile');
    await api.operator.send('PATCH', path, { body: { suspended: false } });
    await eventually(async () => expect(offsets(team.calls)).toEqual([1]), SOON);
  }, 60_000);
});

describe('a consumer', () => {
  /** One that no worker runs. */
  function consumerOf(team: Team, topic: string, more: object = {}): TriggerConsumer {
    const room = (): SharedRoom => new SharedRoom(1 << 30, 1 << 30);
    const trigger = { ...effectiveOf({ brokers: [kafka.address], topics: [topic], ...more }, `group.${topic}`), id: 'x', name: 'x', function: 'orders' };
    return new TriggerConsumer({ context: tenantJobContext('test', team), trigger, access: { brokers: [kafka.address] }, rules: RULES, calls: service(FunctionCalls), room: room(), bytes: room(), tally: new ConsumerTally() });
  }

  it('that dies between call and commit loses nothing: the next one delivers the same again', async () => {
    const topic = await newTopic();
    let dying: TriggerConsumer | undefined;
    const team = await newTeam(() => {
      dying?.close();
      return 200;
    });
    await write(topic, 'a', 'b');
    dying = consumerOf(team, topic);
    await dying.open();
    await dying.run();
    expect(await committed(`group.${topic}`, topic)).toEqual(new Map([[0, 0n]]));
    dying = undefined;
    const next = consumerOf(team, topic);
    await next.open();
    const running = next.run();
    await eventually(async () => expect(await committed(`group.${topic}`, topic)).toEqual(new Map([[0, 2n]])), SOON);
    next.stop();
    await running;
    expect(team.calls.map(({ records }) => records.map(({ value }) => value))).toEqual([['a', 'b'], ['a', 'b']]);
    expect(new Set(team.calls.map(({ headers }) => headers['x-request-id'])).size).toBe(1);
  }, 60_000);

  it('does not read where others are members of the group', async () => {
    const { Consumer, stringDeserializers } = await import('@platformatic/kafka');
    const [team, topic] = [await newTeam(), await newTopic()];
    const other = new Consumer({ clientId: 'other', groupId: randomName('group'), bootstrapBrokers: [kafka.address], deserializers: stringDeserializers });
    const stream = await other.consume({ topics: [topic], autocommit: false });
    const name = await newTrigger(team, topic, { consumerGroup: other.groupId });
    expect(await reason(team, name, 'GroupInUse')).toMatchObject({ delivered: 0 });
    await stream.close();
    await other.close(true);
  }, 60_000);

  it('waits while the gateway refuses in the function\'s place: that is no try', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    rig.deploy(team.tenant, 'orders', [team.pod], { suspension: 'ingress' });
    await write(topic, 'a');
    const name = await newTrigger(team, topic, { maxAttempts: 1 });
    expect(await reason(team, name, 'FunctionNotReady')).toMatchObject({ delivered: 0, failed: 0, lag: 1 });
    rig.deploy(team.tenant, 'orders', [team.pod]);
    await eventually(async () => expect(team.calls.map(({ headers }) => headers['x-kafka-attempt'])).toEqual(['1']), SOON);
  }, 60_000);

  it('wakes a function that has no pod', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    rig.endpoints(team.tenant, 'orders', []);
    rig.sink.upsertFunction({ ...team.tenant.functionResource('orders', { scaling: { min: 0, max: 1 } }), status: { servingRevision: 1, scale: { active: false, since: '2026-01-01T00:00:00Z' } } });
    sleepers.set(team.tenant.namespace, { pod: podName('orders', team.pod), address: '127.0.0.1', port: team.pod.port, revision: 1 });
    await write(topic, 'a');
    await newTrigger(team, topic);
    await eventually(async () => expect(offsets(team.calls)).toEqual([0]), SOON);
  }, 60_000);

  it('of brokers that cannot be reached says so, and keeps no other one waiting', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    const lost = await newTrigger(team, topic, { brokers: ['127.0.0.1:1'], consumerGroup: 'lost' });
    const missing = await newTrigger(team, randomName('nothing'));
    const fine = await newTrigger(team, topic);
    await write(topic, 'a');
    await eventually(async () => expect(offsets(team.calls)).toEqual([0]), SOON);
    expect((await reason(team, lost, 'BrokerUnreachable')).conditions[0]).toMatchObject({ status: 'False', message: expect.stringContaining('127.0.0.1:1') as string });
    await reason(team, missing, 'TopicNotFound');
    await reason(team, fine, 'Consuming');
  }, 60_000);

  it('signs in with what the secret holds, and anew when that changes', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    const secret = (password: string): object => ({ data: { KAFKA_USERNAME: 'tenant', KAFKA_PASSWORD: password, KAFKA_CA: serving.authority } });
    expect((await api.operator.put(`${team.path}/secrets/brokers`, secret('wrong'))).status).toBeLessThan(300);
    await write(topic, 'a');
    const name = await newTrigger(team, topic, { brokers: [kafka.securedAddress], tls: true, sasl: 'SCRAM-SHA-256', secret: 'brokers' });
    const refused = await reason(team, name, 'AuthenticationFailed');
    expect(JSON.stringify(refused)).not.toContain('wrong');
    expect((await api.operator.delete(`${team.path}/secrets/brokers`)).body).toMatchObject({ code: 'SECRET_IN_USE', detail: expect.stringContaining(name) as string });
    await api.operator.put(`${team.path}/secrets/brokers`, secret(PASSWORD));
    await eventually(async () => expect(offsets(team.calls)).toEqual([0]), SOON);
    await reason(team, name, 'Consuming');
    await api.operator.put(`${team.path}/secrets/brokers`, { data: { OTHER: 'x' } });
    expect((await reason(team, name, 'SecretMissing')).conditions[0]!.message).toContain('KAFKA_USERNAME');
  }, 60_000);

  it('calls no address that is closed, whatever name leads there', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    const name = await newTrigger(team, topic, { brokers: [`localhost:${kafka.address.split(':')[1]}`], suspended: true });
    await reason(team, name, 'Suspended');
    const [{ id }] = await sql<{ id: string }>(`UPDATE kafka_trigger SET settings = settings - 'suspended' WHERE name = $1 RETURNING id`, [name]).then((rows) => rows.flat() as [{ id: string }]);
    const strict = new ConsumeKafkaJob(service(TenantDirectory), service(KafkaRunsRepository), service(EnvironmentService), service(FunctionCalls), { ...api.config, FNPLANE_BROKER_RANGES: [] });
    expect(await strict.handle(`${team.id}/${id}`, new AbortController().signal)).toMatchObject({ again: 'after' });
    expect((await reason(team, name, 'AddressClosed')).conditions[0]!.message).toContain('localhost');
  }, 60_000);

  it('ends when another worker has the trigger, and with trigger, tenant and function', async () => {
    const [team, topic] = [await newTeam(), await newTopic()];
    const name = await newTrigger(team, topic);
    const id = (await api.operator.get(`${team.path}/kafka-triggers/${name}`)).body.id as string;
    await reason(team, name, 'Consuming');
    const taken = async (): Promise<string | undefined> => (await sql<{ run: string }>('SELECT run FROM kafka_trigger WHERE id = $1', [id]))[0]?.run;
    const before = await taken();
    // As a worker does that finds the lease run out.
    await sql(`UPDATE work_item SET lease = gen_random_uuid(), visible_at = clock_timestamp() WHERE kind = 'kafka-trigger' AND key = $1`, [`${team.id}/${id}`]);
    await eventually(async () => expect(await taken()).not.toBe(before), SOON);
    await write(topic, 'a');
    await eventually(async () => expect(offsets(team.calls)).toContain(0), SOON);

    await api.operator.put(`${team.path}/suspension`, { level: 'ingress' });
    await reason(team, name, 'Suspended');
    await api.operator.put(`${team.path}/suspension`, { level: 'none' });
    await write(topic, 'b');
    await eventually(async () => expect(offsets(team.calls)).toContain(1), SOON);
    await api.operator.delete(`${team.path}/kafka-triggers/${name}`);
    await eventually(async () => expect(await sql(`SELECT key FROM work_item WHERE kind = 'kafka-trigger' AND key = $1`, [`${team.id}/${id}`])).toEqual([]), SOON);
  }, 90_000);
});
