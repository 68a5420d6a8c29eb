import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cacheFolder } from '../../../deploy/local/cluster/layout.ts';
import { Progress } from '../../../deploy/local/cluster/progress.ts';
import { KafkaBroker } from '../../../deploy/local/kafka/broker.ts';
import { ensureKafka } from '../../../deploy/local/kafka/jars.ts';
import { TestTopics } from '../../../deploy/local/kafka/topics.ts';
import { makeServingCertificate, type ServingCertificate } from '../../operator/metrics-api/certificates.js';
import { parseAddressRange } from '../network/address-range.policy.js';
import { BrokerSet, type BrokerAccess } from './broker-set.js';
import { readLag, type LagQuestion } from './lag-reader.js';

const LOOPBACK = { allowed: [parseAddressRange('127.0.0.1/32')!] };
const TIMEOUT_MS = 5_000;
const PASSWORD = 'correct horse';

let kafka: KafkaBroker;
let topics: TestTopics;
let serving: ServingCertificate;
const sets: BrokerSet[] = [];

beforeAll(async () => {
  serving = await makeServingCertificate({ dnsNames: ['broker.example'], addresses: ['127.0.0.1'], lifetimeMs: 3_600_000 });
  kafka = await KafkaBroker.start({ jars: await ensureKafka(cacheFolder(), new Progress(true)), secured: { ...serving, user: 'tenant', password: PASSWORD } });
  topics = new TestTopics(kafka.address);
  await topics.create('orders', 3);
}, 120_000);

afterEach(() => { for (const set of sets.splice(0)) set.close(); });

afterAll(async () => {
  await topics?.close();
  await kafka?.remove();
});

function lag(access: Partial<BrokerAccess> = {}, question: Partial<LagQuestion> = {}, rules: ConstructorParameters<typeof BrokerSet>[1] = LOOPBACK, timeoutMs = TIMEOUT_MS): ReturnType<typeof readLag> {
  const brokers = new BrokerSet({ brokers: [kafka.address], ...access }, rules, timeoutMs);
  sets.push(brokers);
  return readLag(brokers, { topic: 'orders', consumerGroup: 'shop', startPosition: 'earliest', ...question }, 'kafka.example:9092', timeoutMs);
}

test('what a group has still to read is counted over all partitions, from its start position where it committed nothing', async () => {
  expect(await lag()).toEqual({ partitions: 3, lag: 0 });
  for (const partition of [0, 1, 2]) await topics.produce('orders', partition, 20);
  expect(await lag()).toEqual({ partitions: 3, lag: 60 });
  expect(await lag({}, { startPosition: 'latest' })).toEqual({ partitions: 3, lag: 0 });
  await topics.commit('shop', 'orders', new Map([[0, 20n], [1, 5n]]));
  expect(await lag()).toEqual({ partitions: 3, lag: 35 });
  expect(await lag({}, { startPosition: 'latest' })).toEqual({ partitions: 3, lag: 15 });
  expect(await lag({}, { consumerGroup: 'another' })).toEqual({ partitions: 3, lag: 60 });
});

describe('brokers that ask for TLS and credentials', () => {
  const secured = (more: Partial<BrokerAccess> = {}): Partial<BrokerAccess> => ({
    brokers: [kafka.securedAddress], tls: { ca: serving.authority }, sasl: { mechanism: 'SCRAM-SHA-256', username: 'tenant', password: PASSWORD }, ...more,
  });

  test('are signed in to', async () => {
    expect(await lag(secured())).toMatchObject({ partitions: 3 });
  });

  test.each<[string, () => Partial<BrokerAccess>, RegExp]>([
    ['a wrong password', () => secured({ sasl: { mechanism: 'SCRAM-SHA-256', username: 'tenant', password: 'wrong' } }), /refuses the credentials|could not be signed in/],
    ['a mechanism it does not have', () => secured({ sasl: { mechanism: 'PLAIN', username: 'tenant', password: PASSWORD } }), /SASL mechanism|could not be signed in/],
    ['an authority nobody trusts', () => secured({ tls: {} }), /certificate that is not trusted/],
  ])('refuse %s in words that give nothing away', async (_, access, words) => {
    const error = await lag(access()).catch((thrown: Error) => thrown) as Error;
    expect(error).toMatchObject({ code: 'KAFKA_REFUSED', message: expect.stringMatching(words) });
    expect(error.message).not.toContain(PASSWORD);
  });
});

test('a topic that is not there is not made', async () => {
  await expect(lag({}, { topic: 'nothing' })).rejects.toMatchObject({ code: 'KAFKA_TOPIC_NOT_FOUND', message: expect.stringContaining('nothing') });
  await expect(lag({}, { topic: 'nothing' })).rejects.toMatchObject({ code: 'KAFKA_TOPIC_NOT_FOUND' });
});

describe('addresses that are closed', () => {
  test.each(['127.0.0.1', 'localhost', '[::1]', '10.0.0.1', '169.254.169.254', '[::ffff:127.0.0.1]', '100.64.0.1', '192.168.1.1'])('are not called: %s', async (host) => {
    await expect(lag({ brokers: [`${host}:9092`] }, {}, { allowed: [] })).rejects.toMatchObject({ code: 'KAFKA_ADDRESS_CLOSED', message: expect.stringContaining(host) });
  });

  test('are not called when an open broker tells of them, either', async () => {
    // It says that its one broker is at 127.0.0.1, under the name by which a second look would find it: neither is allowed.
    const rules = { allowed: [parseAddressRange('127.0.0.2/32')!] };
    const relay = await listen('127.0.0.2', (socket) => { pipeTo(socket, kafka.address); });
    await expect(lag({ brokers: [`127.0.0.2:${(relay.address() as AddressInfo).port}`] }, {}, rules)).rejects.toMatchObject({ code: 'KAFKA_ADDRESS_CLOSED', message: expect.stringContaining(kafka.address) });
    relay.close();
  });

  test('are closed though they lie in the internet, where the cluster is', async () => {
    await expect(lag({ brokers: ['1.1.1.1:9092'] }, {}, { allowed: [], closed: [parseAddressRange('1.1.1.0/24')!] })).rejects.toMatchObject({ code: 'KAFKA_ADDRESS_CLOSED' });
  });
});

/** Frames as no broker sends them: each must end in an error of one reading. */
describe('what is no broker', () => {
  let answer: (socket: Socket, request: Buffer) => void;
  let server: Server;

  beforeAll(async () => { server = await listen('127.0.0.1', (socket) => { socket.on('data', (request) => answer(socket, request)); }); });
  afterAll(() => server?.close());

  const strange = (timeoutMs = 500): ReturnType<typeof lag> => lag({ brokers: [`127.0.0.1:${(server.address() as AddressInfo).port}`] }, {}, LOOPBACK, timeoutMs);
  /** Length, then the number by which the request is told from others. */
  const frame = (length: number, request: Buffer, rest: Buffer = Buffer.alloc(0)): Buffer => Buffer.concat([int32(length), request.subarray(8, 12), rest]);

  test.each<[string, (socket: Socket, request: Buffer) => void]>([
    ['a negative length', (socket, request) => socket.write(frame(-5, request, Buffer.alloc(64)))],
    ['an answer to another question', (socket) => socket.write(Buffer.concat([int32(8), int32(999_999), int32(0)]))],
    ['an endless list', (socket, request) => socket.write(frame(24, request, Buffer.from([0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, ...Array<number>(10).fill(1)])))],
    ['noise', (socket) => socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    ['an end', (socket) => socket.destroy()],
    ['more than it may', (socket, request) => { socket.write(frame(64 * 1024 * 1024, request)); for (let sent = 0; sent < 80; sent += 1) socket.write(Buffer.alloc(64 * 1024)); }],
    ['nothing', () => undefined],
  ])('answers with %s, and that is all', async (_, answers) => {
    answer = answers;
    await expect(strange()).rejects.toMatchObject({ code: expect.stringMatching(/^KAFKA_/) });
  });
});

test('brokers that are away, or hang, are named within the deadline', async () => {
  await kafka.stop();
  await expect(lag()).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', message: `The broker ${kafka.address} could not be reached.` });
  await expect(lag({ brokers: ['nowhere.invalid:9092'] })).rejects.toMatchObject({ code: 'KAFKA_UNREACHABLE', message: expect.stringContaining('nowhere.invalid:9092') });
});

async function listen(host: string, handle: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    handle(socket);
  }).listen(0, host);
  await once(server, 'listening');
  return server;
}

function pipeTo(socket: Socket, address: string): void {
  const [host = '', port = ''] = address.split(':');
  const onward = connect(Number(port), host);
  onward.on('error', () => socket.destroy());
  socket.on('close', () => onward.destroy());
  socket.pipe(onward).pipe(socket);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
