import { expect, test } from 'vitest';
import { formatBrokerAddress, parseBrokerAddress } from './broker-address.policy.js';

test.each([
  ['kafka.example:9092', 'kafka.example', 9092], ['b-1.msk.example.:9094', 'b-1.msk.example.', 9094], ['10.0.0.1:1', '10.0.0.1', 1], ['[2606:4700::1111]:65535', '2606:4700::1111', 65_535], ['k:9092', 'k', 9092],
])('reads %s', (text, host, port) => {
  expect(parseBrokerAddress(text)).toEqual({ host, port });
  expect(formatBrokerAddress({ host, port })).toBe(text);
});

test.each([
  '', 'kafka.example', 'kafka.example:', ':9092', 'kafka.example:0', 'kafka.example:65536', 'kafka.example:9092:1', 'http://kafka.example:9092', 'kafka.example:9092/', 'user@kafka.example:9092', 'kafka_1:9092',
  '2606:4700::1111:9092', '[kafka.example]:9092', '127.1:9092', '2130706433:9092', '0x7f000001:9092', '1.2.3.0x4:9092', '-k:9092', `${'a'.repeat(64)}:9092`, 'kafka.example :9092',
])('takes %j for none', (text) => {
  expect(parseBrokerAddress(text)).toBeUndefined();
});
