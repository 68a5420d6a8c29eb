import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { routeSettings } from '../../roles/route-settings.js';
import { loadConfig } from './config.js';
import { ROUTE_SHAPE } from './route-shape.js';

const shape = z.object(ROUTE_SHAPE);
const problems = (given: Record<string, string>): string[] => shape.safeParse(given).error?.issues.map(({ path }) => String(path[0])) ?? [];

describe('settings of routes', () => {
  it('are none where nobody says anything', () => {
    expect(routeSettings(loadConfig({ FNPLANE_ROLES: 'operator' }))).toBeUndefined();
  });

  it('name the gateways, the parent, and who comes from where', () => {
    const config = loadConfig({
      FNPLANE_ROLES: 'operator', FNPLANE_ROUTES: 'gateway-api', FNPLANE_ROUTES_GATEWAY: '10.0.0.5:3080, 10.0.0.6:3080', FNPLANE_ROUTES_PARENT: 'edge/public/web',
      FNPLANE_ROUTES_PEERS: '[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"edge"}}}]',
    });
    expect(routeSettings(config)).toEqual({
      kind: 'gateway-api', gateway: { addresses: ['10.0.0.5', '10.0.0.6'], port: 3080 }, parent: { namespace: 'edge', name: 'public', section: 'web' },
      peers: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'edge' } } }],
    });
    expect(shape.parse({ FNPLANE_ROUTES_GATEWAY: '[fd00::5]:3080' }).FNPLANE_ROUTES_GATEWAY).toEqual({ addresses: ['fd00::5'], port: 3080 });
  });

  it.each([
    ['FNPLANE_ROUTES', 'traefik'], ['FNPLANE_ROUTES_GATEWAY', 'gateway:3080'], ['FNPLANE_ROUTES_GATEWAY', '10.0.0.5'], ['FNPLANE_ROUTES_GATEWAY', '10.0.0.5:1,10.0.0.6:2'], ['FNPLANE_ROUTES_GATEWAY', '10.0.0.5:1,[fd00::5]:1'],
    ['FNPLANE_ROUTES_PARENT', 'public'], ['FNPLANE_ROUTES_ANNOTATIONS', '{"a":1}'], ['FNPLANE_ROUTES_PEERS', '[{}]'], ['FNPLANE_ROUTES_PEERS', 'x'],
  ])('%s cannot be %s', (name, value) => {
    expect(problems({ [name]: value })).toEqual([name]);
  });

  it('that are missing are named', () => {
    expect(() => loadConfig({ FNPLANE_ROLES: 'operator', FNPLANE_ROUTES: 'gateway-api' })).toThrow(/FNPLANE_ROUTES_GATEWAY is missing[^]*FNPLANE_ROUTES_PARENT is missing/);
    expect(() => loadConfig({ FNPLANE_ROLES: 'operator', FNPLANE_ROUTES: 'ingress', FNPLANE_ROUTES_GATEWAY: '10.0.0.5:3080' })).not.toThrow();
  });
});
