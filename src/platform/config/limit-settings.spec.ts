import { describe, expect, it } from 'vitest';
import { testEnvironment } from '../../../test/support/api.js';
import { ConfigurationError, loadConfig, type Config } from './config.js';

const load = (settings: Record<string, string>): Config => loadConfig(testEnvironment('postgres://localhost/none', settings));

describe('the settings of limits', () => {
  it('have defaults, and 0 turns a rate off', () => {
    const config = load({ FNPLANE_API_RATE: '', FNPLANE_API_TENANT_RATE: '0' });
    expect(config.FNPLANE_API_RATE).toEqual({ perSecond: 50, burst: 500 });
    expect(config.FNPLANE_API_TENANT_RATE).toBeNull();
    expect(config).toMatchObject({ FNPLANE_TRUSTED_PROXIES: [], FNPLANE_GRAPHQL_BATCH: 0, FNPLANE_GRAPHQL_INTROSPECTION: true, FNPLANE_GRAPHQL_SUGGESTIONS: true, FNPLANE_GRAPHQL_MAX_COST: 100_000 });
  });

  it.each([
    ['FNPLANE_API_RATE', 'fast'], ['FNPLANE_API_RATE', '50'], ['FNPLANE_API_TENANT_RATE', '0:0'], ['FNPLANE_API_UNAUTHENTICATED_RATE', '-1:2'],
    ['FNPLANE_TRUSTED_PROXIES', 'loopback'], ['FNPLANE_TRUSTED_PROXIES', '10.0.0.0/33'], ['FNPLANE_TRUSTED_PROXIES', '10.0.0.0/8/8'], ['FNPLANE_TRUSTED_PROXIES', 'true'],
    ['FNPLANE_GRAPHQL_BATCH', '51'], ['FNPLANE_GRAPHQL_INTROSPECTION', 'maybe'], ['FNPLANE_GRAPHQL_MAX_COST', '0'],
  ])('%s=%s keeps the process from starting', (name, value) => {
    expect(() => load({ [name]: value })).toThrow(ConfigurationError);
    expect(() => load({ [name]: value })).toThrow(name);
  });

  it('take addresses and ranges of both families as trusted proxies', () => {
    expect(load({ FNPLANE_TRUSTED_PROXIES: '10.0.0.0/8, ::1,fd00::/8' }).FNPLANE_TRUSTED_PROXIES).toEqual(['10.0.0.0/8', '::1', 'fd00::/8']);
  });
});
