import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../cluster/command.ts';
import { listenerPort } from '../cluster/ports.ts';
import { waitFor } from '../cluster/wait.ts';

export interface KafkaBrokerOptions {
  /** Of `ensureKafka`. */
  readonly jars: string;
  /** PEM for a second listener, by TLS, where `user` signs in by SCRAM-SHA-256. */
  readonly secured?: { readonly certificate: string; readonly key: string; readonly user: string; readonly password: string };
}

const START_MS = 60_000;
const STOP_MS = 5_000;
const HOST = '127.0.0.1';
const CLUSTER_ID = 'Zm5wbGFuZS10ZXN0cy1rYQ';
/** One broker with a few topics: the heap only costs memory. */
const LOGGER = '-Dorg.slf4j.simpleLogger';
const JVM = ['-Xms64m', '-Xmx160m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', `${LOGGER}.defaultLogLevel=warn`, `${LOGGER}.log.kafka.server.KafkaRaftServer=info`];
/** The last that it says of its start. */
const STARTED = 'Kafka Server started';

/** A real Kafka for tests: one node in KRaft mode on loopback, on ports of the kernel's choice, in a folder that goes with it. */
export class KafkaBroker {
  readonly #options: KafkaBrokerOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'fnplane-kafka-'));
  readonly #onExit = (): void => void this.#process?.kill('SIGKILL');
  #process: ChildProcess | undefined;
  #ports: { plain: number; secured: number; controller: number } | undefined;

  private constructor(options: KafkaBrokerOptions) {
    this.#options = options;
  }

  static async start(options: KafkaBrokerOptions): Promise<KafkaBroker> {
    const broker = new KafkaBroker(options);
    try {
      await broker.#format();
      await broker.resume();
      return broker;
    } catch (error) {
      await broker.remove();
      throw error;
    }
  }

  /** `host:port`, without TLS. */
  get address(): string {
    return `${HOST}:${this.#ports!.plain}`;
  }

  /** The same for TLS. */
  get securedAddress(): string {
    return `${HOST}:${this.#ports!.secured}`;
  }

  /** Starts it, again after {@link stop}: on the same ports, with what it had. */
  async resume(): Promise<void> {
    const log = openSync(this.#log, 'w');
    const child = spawn('java', [...JVM, '-cp', join(this.#options.jars, '*'), 'kafka.Kafka', join(this.#folder, 'server.properties')], { stdio: ['ignore', log, log] });
    closeSync(log);
    child.on('error', () => undefined);
    this.#process = child;
    process.once('exit', this.#onExit);
    const hopeless = () => (child.exitCode === null ? undefined : `Kafka ended:\n${readFileSync(this.#log, 'utf8').split('\n').slice(-12).join('\n')}`);
    await waitFor('Kafka', () => readFileSync(this.#log, 'utf8').includes(STARTED), { deadlineMs: START_MS, hopeless });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    process.removeListener('exit', this.#onExit);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(timer);
  }

  /** Ends it and deletes its folder. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #log(): string {
    return join(this.#folder, 'kafka.log');
  }

  get #properties(): string {
    return join(this.#folder, 'server.properties');
  }

  async #format(): Promise<void> {
    const ports = { plain: await listenerPort(), secured: await listenerPort(), controller: await listenerPort() };
    this.#ports = ports;
    const { secured, jars } = this.#options;
    writeFileSync(this.#properties, properties(ports, join(this.#folder, 'data'), secured ? join(this.#folder, 'broker.pem') : undefined), { mode: 0o600 });
    if (secured) writeFileSync(join(this.#folder, 'broker.pem'), `${secured.key}\n${secured.certificate}`, { mode: 0o600 });
    const scram = secured ? ['--add-scram', `SCRAM-SHA-256=[name=${secured.user},password=${secured.password}]`] : [];
    await run('java', [...JVM, '-cp', join(jars, '*'), 'kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', this.#properties, ...scram], { timeoutMs: START_MS });
  }
}

function properties(ports: { plain: number; secured: number; controller: number }, data: string, pem: string | undefined): string {
  const listeners = [`PLAINTEXT://${HOST}:${ports.plain}`, ...(pem === undefined ? [] : [`SASL_SSL://${HOST}:${ports.secured}`])];
  return [
    'process.roles=broker,controller', 'node.id=1', `controller.quorum.voters=1@${HOST}:${ports.controller}`, 'controller.listener.names=CONTROLLER',
    `listeners=${[...listeners, `CONTROLLER://${HOST}:${ports.controller}`].join(',')}`, `advertised.listeners=${listeners.join(',')}`, `log.dirs=${data}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT', 'offsets.topic.num.partitions=1', 'offsets.topic.replication.factor=1', 'transaction.state.log.replication.factor=1', 'transaction.state.log.min.isr=1',
    'group.initial.rebalance.delay.ms=0', 'log.cleaner.dedupe.buffer.size=2097152', 'auto.create.topics.enable=false',
    ...(pem === undefined ? [] : [
      `ssl.keystore.location=${pem}`, 'ssl.keystore.type=PEM', 'sasl.enabled.mechanisms=SCRAM-SHA-256',
      'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;',
    ]),
  ].join('\n');
}
