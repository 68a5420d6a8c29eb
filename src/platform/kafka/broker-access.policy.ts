import type { KafkaSource } from '../../contract/function-resource.js';
import type { BrokerAccess } from './broker-set.js';
import { credentialsMissing } from './kafka-errors.js';

/**
 * How brokers that a tenant names are reached. Pure.
 * @param data of its secret, open
 * @throws {DomainError} KAFKA_CREDENTIALS_MISSING, naming the key.
 */
export function brokerAccess({ brokers, tls, sasl }: Pick<KafkaSource, 'brokers' | 'tls' | 'sasl'>, data: Readonly<Record<string, string>>): BrokerAccess {
  const needed = (key: string): string => {
    const value = data[key];
    if (value === undefined || value === '') throw credentialsMissing(`The secret for the brokers has no ${key}.`);
    return value;
  };
  const [ca, certificate] = [data.KAFKA_CA, data.KAFKA_CERTIFICATE];
  return {
    brokers,
    ...(tls ? { tls: { ...(ca ? { ca } : {}), ...(certificate ? { certificate, key: needed('KAFKA_KEY') } : {}) } } : {}),
    ...(sasl ? { sasl: { mechanism: sasl, username: needed('KAFKA_USERNAME'), password: needed('KAFKA_PASSWORD') } } : {}),
  };
}
