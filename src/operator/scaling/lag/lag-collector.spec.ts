import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { FunctionResource, KafkaSource, ScalingSpec } from '../../../contract/function-resource.js';
import { parseAddressRange } from '../../../platform/network/address-range.policy.js';
import { eventually } from '../../../../test/support/eventually.js';
import { functionOf } from '../../function/testing/observed.js';
import { brokerAccess } from '../../../platform/kafka/broker-access.policy.js';
import { LagCollector, type LagCollectorOptions } from './lag-collector.js';

let collector: LagCollector | undefined;
const servers: Server[] = [];

afterEach(async () => {
  await collector?.stop();
  for (const server of servers.splice(0)) server.close();
});

function follower(functionId: string, kafka: Partial<KafkaSource>, scaling: Partial<ScalingSpec> = {}): FunctionResource {
  return functionOf({ functionId, scaling: { min: 0, max: 3, metric: 'kafka-lag', target: 10, kafka: { brokers: [], topic: 'orders', consumerGroup: 'shop', ...kafka }, ...scaling } });
}

function collect(functions: FunctionResource[], more: Partial<LagCollectorOptions> = {}): { news: string[] } {
  const news: string[] = [];
  collector = new LagCollector({
    functions: () => functions, readSecret: () => Promise.resolve({}), access: brokerAccess, rules: { allowed: [parseAddressRange('127.0.0.1/32')!] },
    onNews: ({ spec }) => news.push(spec.functionId), intervalMs: 20, timeoutMs: 300, ...more,
  });
  collector.start();
  return { news };
}

const problemOf = (fn: FunctionResource): Promise<{ reason: string; message: string }> => eventually(async () => {
  const { problem } = collector!.view(fn)!;
  expect(problem).toBeDefined();
  return problem!;
}, { withinMs: 5_000, everyMs: 20 });

async function silent(): Promise<string> {
  const server = createServer((socket) => { socket.on('error', () => undefined); }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('why brokers cannot be read is told of each function, and keeps nothing from the others', async () => {
  const hanging = await silent();
  const functions = {
    closed: follower('closed', { brokers: ['10.0.0.1:9092'] }),
    away: follower('away', { brokers: ['127.0.0.1:1'] }),
    hangs: follower('hangs', { brokers: [hanging] }),
    poor: follower('poor', { brokers: ['127.0.0.1:1'], sasl: 'PLAIN', tls: true, secret: 's' }),
  };
  const { news } = collect(Object.values(functions));
  expect(await problemOf(functions.closed)).toMatchObject({ reason: 'BrokerRefused', message: expect.stringContaining('The broker 10.0.0.1:9092 does not lead to the internet') });
  expect(await problemOf(functions.away)).toMatchObject({ reason: 'BrokerUnreachable', message: expect.stringContaining('The broker 127.0.0.1:1 could not be reached.') });
  expect(await problemOf(functions.hangs)).toMatchObject({ reason: 'BrokerUnreachable', message: expect.stringContaining(`The brokers ${hanging} did not answer within 0.3 s.`) });
  expect(await problemOf(functions.poor)).toMatchObject({ reason: 'BrokerRefused', message: expect.stringContaining('has no KAFKA_USERNAME') });
  // Not knowing is not zero.
  expect(collector!.view(functions.away)).toMatchObject({ lag: undefined });
  expect(collector!.scalingValue(functions.away.metadata.namespace, 'away')).toBeUndefined();
  expect(new Set(news)).toEqual(new Set(['closed', 'away', 'hangs', 'poor']));
});

test('a secret that cannot be read is a problem of its function', async () => {
  const fn = follower('a', { brokers: ['127.0.0.1:1'], tls: true, secret: 's' });
  collect([fn], { readSecret: () => Promise.reject(new Error('forbidden')) });
  expect(await problemOf(fn)).toMatchObject({ reason: 'BrokerRefused', message: expect.stringContaining('cannot be read on the cluster') });
});

test('brokers that fail are asked less and less often', async () => {
  let at = 1_000_000;
  let asked = 0;
  const fn = follower('a', { brokers: ['127.0.0.1:1'], tls: true, secret: 's' });
  let looks = 0;
  collect([fn], { functions: () => { looks += 1; return [fn]; }, now: () => at, intervalMs: 5_000, readSecret: () => { asked += 1; return Promise.reject(new Error('away')); } });
  await problemOf(fn);
  expect(asked).toBe(1);
  at += 5_001;
  await eventually(async () => expect(asked).toBe(2), { withinMs: 5_000, everyMs: 20 });
  // The second time it stands back for at least as long as the first time at most; two looks later it has not been asked.
  at += 4_999;
  await eventually(async () => expect(looks).toBeGreaterThan(4), { withinMs: 5_000, everyMs: 20 });
  expect(asked).toBe(2);
});

test.each<[string, FunctionResource]>([
  ['nothing in Kafka', functionOf({ scaling: { min: 0, max: 3 } })],
  ['no other number of pods', follower('a', { brokers: ['127.0.0.1:1'] }, { min: 3 })],
])('a function that follows %s is not looked at', (_, fn) => {
  collect([fn]);
  expect(collector!.view(fn)).toBeUndefined();
});
