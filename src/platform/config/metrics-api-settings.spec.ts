import { describe, expect, test } from 'vitest';
import { loadConfig } from './config.js';

const load = (more: Record<string, string>) => loadConfig({ FNPLANE_ROLES: 'operator', ...more });

describe('the API of metrics', () => {
  test('is off by itself', () => {
    expect(load({}).FNPLANE_METRICS_API_LISTEN).toBeUndefined();
  });

  test('needs the address by which the API server reaches it', () => {
    expect(() => load({ FNPLANE_METRICS_API_LISTEN: '0.0.0.0:8443' })).toThrow(/FNPLANE_METRICS_API_ADDRESS is missing: IP address/);
    expect(load({ FNPLANE_METRICS_API_LISTEN: '0.0.0.0:8443', FNPLANE_METRICS_API_ADDRESS: '10.0.0.7' })).toMatchObject({ FNPLANE_METRICS_API_LISTEN: { port: 8443 }, FNPLANE_METRICS_API_ADDRESS: '10.0.0.7' });
  });

  test.each(['127.0.0.1', '::1', '0.0.0.0', '::', 'operator.example', '10.0.0'])('is not reached at %s', (address) => {
    expect(() => load({ FNPLANE_METRICS_API_LISTEN: '0.0.0.0:8443', FNPLANE_METRICS_API_ADDRESS: address })).toThrow(/must be an IP address of this machine/);
  });
});
