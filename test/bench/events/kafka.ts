import { Consumer, Producer } from '@platformatic/kafka';
import { cacheFolder } from '../../../deploy/local/cluster/layout.ts';
import type { Progress } from '../../../deploy/local/cluster/progress.ts';
import { KafkaBroker } from '../../../deploy/local/kafka/broker.ts';
import { ensureKafka } from '../../../deploy/local/kafka/jars.ts';
import { TestTopics } from '../../../deploy/local/kafka/topics.ts';
import { compiled } from '../harness/compiled.ts';
import { watchSteal } from '../harness/machine.ts';
import { buildResult, median, medianRatio, spread, type Findings } from '../harness/result.ts';
import { until } from '../harness/until.ts';

const MESSAGES = 50_000;
const PARTITIONS = 4;
const BATCH = 100;
const PRODUCED_AT_ONCE = 1_000;
const VALUE = JSON.stringify({ order: 'x'.repeat(90) });
const TOPIC = 'measured';
const LEAST_ROUNDS = 5;
const ROUND_WITHIN_MS = 60_000;

/** What this benchmark needs of its suite. */
export interface KafkaStage {
  rounds: number;
  progress: Progress;
  signal: AbortSignal;
}

/** Messages a second from a topic to a function that does nothing, in batches of 100 over the gateway, against a consumer of the same client that does nothing with them. */
export async function benchKafka({ rounds, progress, signal }: KafkaStage): Promise<Findings> {
  const kafka = await progress.step('Kafka', async () => KafkaBroker.start({ jars: await ensureKafka(cacheFolder(), progress, signal) }), 20_000);
  const topics = new TestTopics(kafka.address);
  const { GatewayRig, TestTenant } = await compiled<typeof import('../../../src/gateway/testing/gateway-rig.js')>('gateway/testing/gateway-rig.js');
  const rig = await new GatewayRig().start();
  try {
    await topics.create(TOPIC, PARTITIONS);
    await fill(kafka.address);
    const tenant = new TestTenant('bench');
    rig.deploy(tenant, 'nothing', [await rig.pod((request, response) => void request.resume().once('end', () => response.end()))]);
    const steal = watchSteal();
    const [bare, triggers]: [number[], number[]] = [[], []];
    // The first round warms up.
    for (let round = 0; round <= Math.max(rounds, LEAST_ROUNDS); round++) {
      signal.throwIfAborted();
      const figures = [await consumeBare(kafka.address, `bare-${round}`), await consumeByTrigger(kafka.address, `trigger-${round}`, { url: rig.url, secret: rig.secret, tenant: tenant.name, tenantId: tenant.id })] as const;
      if (round === 0) continue;
      bare.push(figures[0]);
      triggers.push(figures[1]);
      progress.say(`  round ${round}: ${Math.round(figures[1])} messages/s, bare ${Math.round(figures[0])}`);
    }
    return {
      steal: steal(),
      results: [
        buildResult({ name: `Kafka messages to a function in batches of ${BATCH}`, figure: medianRatio(triggers, bare), unit: 'ratio', relativeTo: 'a bare consumer of the same client that drops them, messages/s', bound: { op: '>=', value: 0.5 } }),
        buildResult({ name: 'Kafka messages to a function', figure: median(triggers), unit: '/s' }),
      ],
      notes: [`trigger ${spread(triggers, '/s')}, bare ${spread(bare, '/s')}; consumer, gateway and function in one process`],
    };
  } finally {
    await topics.close();
    await rig.stop();
    await kafka.remove();
  }
}

async function fill(broker: string): Promise<void> {
  const producer = new Producer({ clientId: 'bench', bootstrapBrokers: [broker] });
  for (let sent = 0; sent < MESSAGES; sent += PRODUCED_AT_ONCE) {
    const partition = (sent / PRODUCED_AT_ONCE) % PARTITIONS;
    await producer.send({ messages: Array.from({ length: PRODUCED_AT_ONCE }, (_, index) => ({ topic: TOPIC, partition, key: Buffer.from(String(sent + index)), value: Buffer.from(VALUE) })), acks: -1 });
  }
  await producer.close();
}

/** @returns messages a second, from the first one on. */
async function consumeBare(broker: string, group: string): Promise<number> {
  const consumer = new Consumer({ clientId: 'bench', groupId: group, bootstrapBrokers: [broker] });
  const stream = await consumer.consume({ topics: [TOPIC], mode: 'earliest', autocommit: 100 });
  let [count, begun] = [0, 0];
  for await (const _ of stream) {
    if (count === 0) begun = performance.now();
    count += 1;
    if (count === MESSAGES) break;
  }
  const perSecond = MESSAGES / (performance.now() - begun) * 1_000;
  await consumer.close(true);
  return perSecond;
}

async function consumeByTrigger(broker: string, group: string, gateway: { url: string; secret: string; tenant: string; tenantId: string }): Promise<number> {
  const { TriggerConsumer } = await compiled<typeof import('../../../src/domains/kafka-triggers/jobs/trigger-consumer.js')>('domains/kafka-triggers/jobs/trigger-consumer.js');
  const { ConsumerTally } = await compiled<typeof import('../../../src/domains/kafka-triggers/consumer-tally.js')>('domains/kafka-triggers/consumer-tally.js');
  const { SharedRoom } = await compiled<typeof import('../../../src/domains/kafka-triggers/shared-room.js')>('domains/kafka-triggers/shared-room.js');
  const { effectiveOf } = await compiled<typeof import('../../../src/domains/kafka-triggers/kafka-trigger-rules.policy.js')>('domains/kafka-triggers/kafka-trigger-rules.policy.js');
  const { GatewayClient } = await compiled<typeof import('../../../src/platform/invocation/gateway-client.js')>('platform/invocation/gateway-client.js');
  const { tenantJobContext } = await compiled<typeof import('../../../src/platform/context/context.js')>('platform/context/context.js');
  const { parseAddressRange } = await compiled<typeof import('../../../src/platform/network/address-range.policy.js')>('platform/network/address-range.policy.js');
  const { tenant, tenantId, ...link } = gateway;
  const client = new GatewayClient(link);
  const calls = { call: (_: unknown, call: object) => client.invoke({ ...(call as Parameters<typeof client.invoke>[0]), tenant, tenantId, timeoutMs: 30_000 }) };
  const trigger = { ...effectiveOf({ brokers: [broker], topics: [TOPIC], batchSize: BATCH, concurrency: PARTITIONS }, group), id: group, name: 'bench', function: 'nothing' };
  const consumer = new TriggerConsumer({
    context: tenantJobContext('bench', { id: tenantId, name: tenant }), trigger, access: { brokers: [broker] }, rules: { allowed: [parseAddressRange('127.0.0.1/32')!] },
    calls: calls as never, room: new SharedRoom(64, 64), bytes: new SharedRoom(1 << 30, 1 << 30), tally: new ConsumerTally(),
  });
  await consumer.open();
  const begun = performance.now();
  const running = consumer.run();
  await until('delivery of all messages', () => Promise.resolve(consumer.lag === 0n ? { found: true } : { seen: `${consumer.lag} left` }), { withinMs: ROUND_WITHIN_MS, everyMs: 5 });
  const perSecond = MESSAGES / (performance.now() - begun) * 1_000;
  consumer.stop();
  await running;
  await client.close();
  return perSecond;
}
