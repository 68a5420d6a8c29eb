import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Connection, SASLOptions } from '@platformatic/kafka';
import type { SaslMechanism } from '../../contract/function-resource.js';
import { mayConnect, type OutboundRules } from '../outbound/outbound-url.policy.js';
import type { Resolver } from '../outbound/outbound-client.js';
import { formatBrokerAddress, parseBrokerAddress, type BrokerAddress } from './broker-address.policy.js';
import { answerUnreadable, brokerClosed, brokerUnreachable, kafkaError } from './kafka-errors.js';

type Kafka = typeof import('@platformatic/kafka');

/** How brokers are reached and signed in to. */
export interface BrokerAccess {
  /** `host:port` each: any of them tells of the others. */
  brokers: readonly string[];
  /** PEM; without `ca` the system's authorities count. Absent: no TLS. */
  tls?: { ca?: string; certificate?: string; key?: string };
  sasl?: { mechanism: SaslMechanism; username: string; password: string };
}

/** Of one connection, between two calls of {@link BrokerSet.refill}, where nothing else is said. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_CONNECTIONS = 64;
/** Brokers say how often a password is hashed; more than that only burns the CPU of whoever signs in. */
const MOST_ITERATIONS = 100_000;

export interface OpenBroker {
  name: string;
  connection: Connection;
  budget: { left: number };
}

/**
 * The connections to brokers that a tenant named, one a broker, kept while they work. Names are resolved once for each connection, all of a name's addresses
 * are judged, and what was judged is connected to: also the addresses that brokers tell of each other. What they send can break a connection, never the process.
 */
export class BrokerSet {
  private readonly open = new Map<string, Promise<OpenBroker>>();
  private readonly begun = new Set<OpenBroker>();

  constructor(private readonly access: BrokerAccess, private readonly rules: Pick<OutboundRules, 'allowed' | 'closed'>, private readonly timeoutMs: number, private readonly resolve: Resolver = (host) => lookup(host, { all: true, verbatim: true }), private readonly mostBytes = MOST_BYTES) {}

  /** The first of the named brokers that can be had. @throws {DomainError} what the last one failed with. */
  async any(): Promise<OpenBroker> {
    let failure: unknown = brokerUnreachable(this.access.brokers.join(', '), undefined);
    for (const broker of this.access.brokers) {
      const address = parseBrokerAddress(broker);
      try {
        if (address) return await this.at(address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** @throws {DomainError} KAFKA_ADDRESS_CLOSED, KAFKA_UNREACHABLE, KAFKA_REFUSED. */
  async at(address: BrokerAddress): Promise<OpenBroker> {
    const name = formatBrokerAddress(address);
    const known = this.open.get(name);
    if (known) {
      const broker = await known;
      if (broker.connection.isConnected()) return broker;
      this.drop(broker);
    } else if (this.open.size >= MOST_CONNECTIONS) throw brokerUnreachable(name, new Error('too many brokers'));
    const opening = this.connect(name, address);
    this.open.set(name, opening);
    opening.catch(() => { if (this.open.get(name) === opening) this.open.delete(name); });
    return opening;
  }

  /** From here on each connection may bring its fill again. */
  refill(): void {
    for (const { budget } of this.begun) budget.left = this.mostBytes;
  }

  /** At once; whoever waits for an answer is told that the connection broke. The set can be used again. */
  close(): void {
    this.open.clear();
    for (const { connection } of this.begun) connection.socket.destroy();
    this.begun.clear();
  }

  private async connect(name: string, { host, port }: BrokerAddress): Promise<OpenBroker> {
    const kafka = await import('@platformatic/kafka');
    const address = await this.judged(name, host);
    const connection = new kafka.Connection('fnplane', { connectTimeout: this.timeoutMs, requestTimeout: this.timeoutMs, ...this.security(kafka, host) });
    connection.on('error', () => undefined);
    const broker = { name, connection, budget: { left: this.mostBytes } };
    const connected = connection.connect(address, port) as Promise<void>;
    contain(broker);
    this.begun.add(broker);
    try {
      await connected;
    } catch (error) {
      this.drop(broker);
      throw kafkaError(name, '', error);
    }
    return broker;
  }

  private drop(broker: OpenBroker): void {
    this.begun.delete(broker);
    broker.connection.socket.destroy();
  }

  /** One closed address among open ones is a trap or a mistake: neither is called. */
  private async judged(name: string, host: string): Promise<string> {
    const found = isIP(host) === 0 ? await this.resolve(host).catch((error: unknown) => { throw brokerUnreachable(name, error); }) : [{ address: host, family: isIP(host) }];
    if (found.length === 0 || !found.every(({ address }) => mayConnect(address, this.rules))) throw brokerClosed(name);
    return found[0]!.address;
  }

  private security(kafka: Kafka, host: string): object {
    const { tls, sasl } = this.access;
    return {
      ...(tls ? { tls: { ca: tls.ca, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2', rejectUnauthorized: true }, ...(isIP(host) === 0 ? { tlsServerName: host } : {}) } : {}),
      ...(sasl ? { sasl: sasl.mechanism === 'PLAIN' ? { ...sasl } : scram(kafka, sasl.mechanism, sasl.username, sasl.password) } : {}),
    };
  }
}

function scram({ saslScramSha }: Kafka, mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512', username: string, password: string): SASLOptions {
  const crypto = {
    ...saslScramSha.defaultCrypto,
    hi: (...args: Parameters<typeof saslScramSha.hi>) => (args[3] > MOST_ITERATIONS ? Promise.reject(new RangeError(`${args[3]} iterations are asked for`)) : saslScramSha.hi(...args)),
  };
  return {
    mechanism, username, password,
    authenticate: (_, connection, authenticate, __, ___, ____, callback) => saslScramSha.authenticate(authenticate, connection, mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512', username, password, crypto, callback),
  };
}

/**
 * Everything that comes of a socket comes by its events: one that brings too much, or that the client's own listeners throw at, ends the connection. Without
 * this a broker's malformed frame would be an exception that nobody catches.
 */
function contain({ name, connection: { socket }, budget }: OpenBroker): void {
  const emit = socket.emit.bind(socket);
  const contained = (event: string | symbol, ...args: unknown[]): boolean => {
    try {
      if (event === 'data') budget.left -= (args[0] as Buffer).length;
      if (budget.left < 0) throw answerUnreadable(name, new RangeError('too much was sent'));
      return emit(event, ...args);
    } catch {
      socket.destroy();
      return true;
    }
  };
  socket.emit = contained;
}
