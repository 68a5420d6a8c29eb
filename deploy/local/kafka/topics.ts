import { Admin, Connection, metadataV11, offsetCommitV8, Producer, stringSerializers } from '@platformatic/kafka';

/** What tests do with topics beside the platform: make them, write, and say that a group has read. */
export class TestTopics {
  readonly #broker: string;
  readonly #admin: Admin;
  readonly #producer: Producer<string, string, string, string>;

  /** @param broker `host:port` */
  constructor(broker: string) {
    const options = { clientId: 'fnplane-tests', bootstrapBrokers: [broker] };
    this.#broker = broker;
    this.#admin = new Admin(options);
    this.#producer = new Producer({ ...options, serializers: stringSerializers });
  }

  /** @param settings Kafka's own of a topic, e.g. `max.message.bytes` */
  async create(topic: string, partitions: number, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.#admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: Object.entries(settings).map(([name, value]) => ({ name, value })) });
  }

  async produce(topic: string, partition: number, count: number): Promise<void> {
    await this.#producer.send({ messages: Array.from({ length: count }, (_, index) => ({ topic, partition, key: '', value: String(index) })), acks: -1 });
  }

  /** As a consumer of the group does once it has read so far. */
  async commit(group: string, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void> {
    const connection = new Connection('fnplane-tests');
    const [host = '', port = ''] = this.#broker.split(':');
    await connection.connect(host, Number(port));
    try {
      // One broker keeps every group.
      await metadataV11.api.async(connection, [topic], false, false);
      const partitions = [...offsets].map(([partitionIndex, committedOffset]) => ({ partitionIndex, committedOffset, committedLeaderEpoch: -1, committedMetadata: null }));
      await offsetCommitV8.api.async(connection, group, -1, '', null, [{ name: topic, partitions }]);
    } finally {
      await connection.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#admin.close(), this.#producer.close()]);
  }
}
