import { join, resolve } from 'node:path';
import { freePort } from '../../deploy/local/cluster/ports.ts';
import { HttpClient, type HttpAnswer } from '../../deploy/local/http-client.ts';
import { loadConfig } from '../../src/platform/config/config.js';
import { PlatformProcess } from '../../src/platform-process.js';
import { testEnvironment } from './api.js';
import { createTestDatabase } from './postgres.js';
import { mintToken } from './tokens.js';
import { eventually } from './eventually.js';

/** In this variable the suites of a project that shares a platform find it. */
export const SHARED_PLATFORM = 'FNPLANE_TEST_PLATFORM';

export interface TestPlatform {
  databaseUrl: string;
  api: string;
  gateway: string;
  management: string;
  operator: HttpClient;
  person(subject?: string): Promise<HttpClient>;
  /** A tenant that is Ready, gone again when the platform stops. */
  tenant(name: string, body?: Record<string, unknown>): Promise<HttpAnswer['body']>;
  /** Waits until the function's Ready is True for its newest generation. */
  ready(tenant: string, name: string): Promise<HttpAnswer['body']>;
  /** Removes its tenants, and the platform where it is the suite's own. */
  stop(): Promise<void>;
}

/** A platform in this process. */
export interface OwnPlatform extends TestPlatform {
  process: PlatformProcess;
}

/** Where a platform is, as the suites that share one are told. */
export interface PlatformAddresses {
  databaseUrl: string;
  api: string;
  gateway: string;
  management: string;
}

export function needed(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: start the tests through \`npm test\``);
  return value;
}

/** The settings of a platform with all roles in one process, on the run's cluster. */
export async function platformEnvironment(databaseUrl: string, more: Record<string, string> = {}): Promise<Record<string, string>> {
  const gatewayPort = await freePort();
  return testEnvironment(databaseUrl, {
    FNPLANE_ROLES: 'api,worker,operator,gateway,meter', KUBECONFIG: needed('KUBECONFIG'), FNPLANE_REGISTRY_URL: `http://${needed('FNPLANE_TEST_REGISTRY')}`,
    FNPLANE_RUNTIME_IMAGES: pickRuntimes(needed('FNPLANE_TEST_RUNTIME_IMAGES')), FNPLANE_BLOCKED_EGRESS: process.env.FNPLANE_TEST_BLOCKED_EGRESS ?? '',
    FNPLANE_GATEWAY_LISTEN: `127.0.0.1:${gatewayPort}`, FNPLANE_GATEWAY_URL: `http://127.0.0.1:${gatewayPort}`, FNPLANE_MANAGEMENT_LISTEN: '127.0.0.1:0',
    FNPLANE_BUILD_CACHE: join(needed('FNPLANE_TEST_CACHE'), 'test-builds'), FNPLANE_GO_SDK: resolve('deploy/runtimes/go'), FNPLANE_METER_INTERVAL_MS: '250', ...metricsApi(), ...more,
  });
}

/** All roles in this process, on a database of its own and the run's cluster. */
export async function startPlatform(more: Record<string, string> = {}): Promise<OwnPlatform> {
  const database = await createTestDatabase();
  const platform = new PlatformProcess(loadConfig(await platformEnvironment(database.url, more)));
  await platform.start();
  const { api, gateway, management } = platform.addresses() as Omit<PlatformAddresses, 'databaseUrl'>;
  await eventually(async () => (await fetch(`${management}/readyz`)).ok || Promise.reject(new Error(await (await fetch(`${management}/readyz`)).text())), { withinMs: 30_000 });
  const connected = await connect({ databaseUrl: database.url, api, gateway, management }, async () => {
    await platform.stop();
    await database.drop();
  });
  return { ...connected, process: platform };
}

/** The platform that the suites of a project share: each keeps to tenants of its own. */
export function sharedPlatform(): Promise<TestPlatform> {
  return connect(JSON.parse(needed(SHARED_PLATFORM)) as PlatformAddresses, () => Promise.resolve());
}

async function connect(addresses: PlatformAddresses, end: () => Promise<void>): Promise<TestPlatform> {
  const { api } = addresses;
  const operator = new HttpClient(api, await mintToken({ roles: ['operator'] }));
  const tenants: string[] = [];
  return {
    ...addresses, operator,
    person: async (subject) => new HttpClient(api, await mintToken({ subject })),
    tenant: async (name, body = {}) => {
      const created = await operator.post('/v1/tenants', { name, ...body });
      if (created.status !== 202) throw new Error(JSON.stringify(created.body));
      tenants.push(name);
      return eventually(async () => whenReady(await operator.get(`/v1/tenants/${name}`)), { withinMs: 30_000 });
    },
    ready: (tenant, name) => eventually(async () => whenReady(await operator.get(`/v1/tenants/${tenant}/functions/${name}`)), { withinMs: 60_000 }),
    stop: async () => {
      await removeTenants(operator, tenants);
      await end();
    },
  };
}

/** Autoscalers are served where the API server is known to reach this machine. */
function metricsApi(): Record<string, string> {
  const address = process.env.FNPLANE_TEST_NODE_ADDRESS;
  return address ? { FNPLANE_METRICS_API_LISTEN: `${address}:0`, FNPLANE_METRICS_API_ADDRESS: address } : {};
}

function pickRuntimes(text: string): string {
  const { python, node, go } = JSON.parse(text) as Record<string, string>;
  return JSON.stringify({ python, node, go });
}

interface StatedCondition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

export function conditionOf(body: HttpAnswer['body'], type: string): StatedCondition | undefined {
  return ((body.status?.conditions ?? body.conditions) as StatedCondition[]).find((condition) => condition.type === type);
}

function whenReady(answer: HttpAnswer): HttpAnswer['body'] {
  const ready = answer.status === 200 ? conditionOf(answer.body, 'Ready') : undefined;
  const observed = answer.body.status?.observedGeneration ?? answer.body.observedGeneration;
  if (ready?.status !== 'True' || observed !== answer.body.generation) throw new Error(`not Ready: ${answer.status} ${JSON.stringify(ready ?? answer.body)}`);
  return answer.body;
}

/** Deletes and waits for the end: a suite leaves nothing on the cluster. */
async function removeTenants(operator: HttpClient, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => operator.delete(`/v1/tenants/${name}`)));
  await Promise.all(names.map((name) => eventually(async () => {
    const answer = await operator.get(`/v1/tenants/${name}`);
    if (answer.status !== 404) throw new Error(`tenant ${name} is still there: ${JSON.stringify(answer.body.conditions)}`);
  }, { withinMs: 90_000 })));
}
