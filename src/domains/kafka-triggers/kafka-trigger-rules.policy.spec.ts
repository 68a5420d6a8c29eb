import { describe, expect, it } from 'vitest';
import { parseAddressRange } from '../../platform/network/address-range.policy.js';
import type { KafkaTriggerBody } from './kafka-trigger-body.js';
import { DEFAULTS, defaultGroup, effectiveOf, kafkaTriggerProblems } from './kafka-trigger-rules.policy.js';

const RULES = { allowed: [parseAddressRange('10.9.0.0/16')!], closed: [] };

function pointers(more: object): string[] {
  return kafkaTriggerProblems({ name: 'orders', function: 'pay', brokers: ['kafka.example:9092'], topics: ['orders'], ...more } as KafkaTriggerBody, RULES).map(({ pointer }) => pointer);
}

describe('a Kafka trigger', () => {
  it.each([
    [{}], [{ brokers: ['10.9.1.1:9092', '[2600::1]:9092'] }], [{ topics: ['a', 'b.c_d-e'] }], [{ deadLetterTopic: 'dead' }], [{ tls: true, sasl: 'PLAIN', secret: 's' }], [{ sasl: 'SCRAM-SHA-256', secret: 's' }], [{ consumerGroup: 'any group' }], [{ path: '/a?b=c' }],
  ])('%j is valid', (more) => {
    expect(pointers(more)).toEqual([]);
  });

  it.each<[object, string]>([
    [{ name: 'Orders' }, '/name'], [{ brokers: [] }, '/brokers'], [{ brokers: ['kafka.example'] }, '/brokers/0'], [{ brokers: ['kafka.example:9092', '169.254.169.254:80'] }, '/brokers/1'], [{ brokers: ['127.0.0.1:9092'] }, '/brokers/0'],
    [{ brokers: ['[::1]:9092'] }, '/brokers/0'], [{ brokers: ['[::ffff:127.0.0.1]:9092'] }, '/brokers/0'], [{ brokers: ['127.1:9092'] }, '/brokers/0'], [{ brokers: ['10.0.0.1:9092'] }, '/brokers/0'],
    [{ topics: [] }, '/topics'], [{ topics: Array.from({ length: 11 }, (_, index) => `t${index}`) }, '/topics'], [{ topics: ['a', '..'] }, '/topics/1'], [{ topics: ['a', 'a'] }, '/topics/1'], [{ deadLetterTopic: 'a b' }, '/deadLetterTopic'],
    [{ deadLetterTopic: 'orders' }, '/deadLetterTopic'], [{ consumerGroup: '' }, '/consumerGroup'], [{ sasl: 'SCRAM-SHA-512' }, '/secret'], [{ sasl: 'PLAIN', secret: 's' }, '/tls'], [{ secret: 's' }, '/secret'], [{ path: 'a' }, '/path'], [{ path: '/a/../b' }, '/path'],
  ])('%j is refused at %s', (more, pointer) => {
    expect(pointers(more)).toContain(pointer);
  });

  it('has what was not sent from the defaults', () => {
    expect(effectiveOf({ brokers: ['b:1'], topics: ['t'], batchSize: 7 }, 'g')).toEqual({ ...DEFAULTS, brokers: ['b:1'], topics: ['t'], batchSize: 7, consumerGroup: 'g' });
    expect(defaultGroup('shop', 'orders')).toBe('fnplane.shop.orders');
  });
});
