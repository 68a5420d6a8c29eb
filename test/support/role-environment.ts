import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { Role } from '../../src/platform/config/config.js';
import { freePort } from '../../deploy/local/cluster/ports.ts';
import { needed } from './platform.js';
import { testIssuer } from './tokens.js';

export interface Installation {
  /** Of the gateway, as the API and the worker call it. */
  gatewayUrl: string;
  /** What the roles of one process need and no more. */
  environmentOf(...roles: Role[]): Record<string, string>;
}

/** Settings that the processes of one installation share. Nothing is started here. */
export async function newInstallation(databaseUrl: string): Promise<Installation> {
  const [gatewayPort, gatewayManagement] = [await freePort(), await freePort()];
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
  const { python, node, go } = JSON.parse(needed('FNPLANE_TEST_RUNTIME_IMAGES')) as Record<string, string>;
  const store = { DATABASE_URL: databaseUrl };
  const cluster = { KUBECONFIG: needed('KUBECONFIG') };
  const sealing = { FNPLANE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}` };
  const registry = { FNPLANE_REGISTRY_URL: `http://${needed('FNPLANE_TEST_REGISTRY')}` };
  const internal = { FNPLANE_INTERNAL_SECRET: randomBytes(32).toString('hex') };
  const trust = { FNPLANE_ISSUERS: JSON.stringify([testIssuer()]), ...internal };
  const settings: Record<Role, Record<string, string>> = {
    api: { ...store, ...sealing, ...trust, ...registry, FNPLANE_API_RATE: '20000:20000', FNPLANE_API_TENANT_RATE: '20000:20000', FNPLANE_API_LISTEN: '127.0.0.1:0', FNPLANE_GATEWAY_URL: gatewayUrl },
    worker: {
      ...store, ...cluster, ...sealing, ...internal, ...registry, FNPLANE_GATEWAY_URL: gatewayUrl, FNPLANE_RUNTIME_IMAGES: JSON.stringify({ python, node, go }),
      FNPLANE_BLOCKED_EGRESS: process.env.FNPLANE_TEST_BLOCKED_EGRESS ?? '', FNPLANE_BUILD_CACHE: join(needed('FNPLANE_TEST_CACHE'), 'test-builds'), FNPLANE_GO_SDK: resolve('deploy/runtimes/go'),
    },
    operator: { ...cluster },
    gateway: { ...cluster, ...trust, FNPLANE_GATEWAY_LISTEN: `127.0.0.1:${gatewayPort}`, FNPLANE_MANAGEMENT_LISTEN: `127.0.0.1:${gatewayManagement}` },
    meter: { ...store, ...cluster, FNPLANE_METER_INTERVAL_MS: '250', FNPLANE_GATEWAY_MANAGEMENT_URLS: `http://127.0.0.1:${gatewayManagement}` },
  };
  return { gatewayUrl, environmentOf: (...roles) => Object.assign({ FNPLANE_ROLES: roles.join(',') }, ...roles.map((role) => settings[role])) as Record<string, string> };
}
