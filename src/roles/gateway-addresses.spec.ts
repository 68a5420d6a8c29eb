import { describe, expect, it } from 'vitest';
import { gatewaysOf } from './gateway-addresses.js';

describe('management addresses of gateways', () => {
  it.each([
    ['http://10.0.0.1:3090', { cluster: 'own', url: 'http://10.0.0.1:3090' }],
    ['west=http://10.0.0.1:3090', { cluster: 'west', url: 'http://10.0.0.1:3090' }],
    ['http://10.0.0.1:3090/?a=b', { cluster: 'own', url: 'http://10.0.0.1:3090/?a=b' }],
  ])('%s', (text, expected) => {
    expect(gatewaysOf([text], 'own')).toEqual([expected]);
  });
});
