import { KAFKA_TOPIC, MOST_BROKERS, type KafkaSource } from '../../contract/function-resource.js';
import type { FieldProblem } from '../../platform/errors/domain-error.js';
import { parseBrokerAddress } from '../../platform/kafka/broker-address.policy.js';
import { parseAddressRange } from '../../platform/network/address-range.policy.js';
import { mayConnect, type OutboundRules } from '../../platform/outbound/outbound-url.policy.js';

const LONGEST_GROUP = 255;
const NOT_PRINTABLE = /[^\P{C}]/u;

/** Everything about a topic and the way to it that can be judged without looking anything up. @param at pointer to it */
export function kafkaProblems({ brokers = [], topic, consumerGroup, tls = false, sasl, secret }: Partial<KafkaSource>, at: string): FieldProblem[] {
  const found: FieldProblem[] = [];
  const add = (field: string, message: string): void => { found.push({ pointer: `${at}/${field}`, message }); };
  if (brokers.length === 0 || brokers.length > MOST_BROKERS) add('brokers', `must name 1 to ${MOST_BROKERS} brokers as host:port`);
  else brokers.forEach((broker, index) => { if (!parseBrokerAddress(broker)) add(`brokers/${index}`, 'must be host:port, with a DNS name, an IPv4 address or an IPv6 address in brackets'); });
  if (topic === undefined || !KAFKA_TOPIC.test(topic)) add('topic', 'must be the name of a topic: 1 to 249 letters, digits, dots, underscores and hyphens');
  if (consumerGroup === undefined || consumerGroup === '' || consumerGroup.length > LONGEST_GROUP || NOT_PRINTABLE.test(consumerGroup)) add('consumerGroup', `must be the name of a consumer group: 1 to ${LONGEST_GROUP} printable characters`);
  if (sasl !== undefined && secret === undefined) add('secret', 'must name a secret with KAFKA_USERNAME and KAFKA_PASSWORD where sasl is given');
  if (sasl === 'PLAIN' && !tls) add('tls', 'must be true for PLAIN: without TLS everybody on the way could read the password');
  if (secret !== undefined && sasl === undefined && !tls) add('secret', 'is of no use without sasl or tls');
  return found;
}

/** Addresses, not names: where a name leads is judged whenever it is called. */
export function closedBrokers({ brokers = [] }: Partial<KafkaSource>, at: string, rules: Pick<OutboundRules, 'allowed' | 'closed'>): FieldProblem[] {
  return brokers.flatMap((broker, index) => {
    const host = parseBrokerAddress(broker)?.host ?? '';
    const closed = parseAddressRange(host) !== undefined && !mayConnect(host, rules);
    return closed ? [{ pointer: `${at}/brokers/${index}`, message: 'does not lead to the internet; the platform calls no private, local or reserved addresses unless its operators allow them' }] : [];
  });
}
