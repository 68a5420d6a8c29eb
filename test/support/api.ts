import { randomBytes } from 'node:crypto';
import { loadConfig, type Config } from '../../src/platform/config/config.js';
import { buildControlPlane, closeControlPlane, type ControlPlane } from '../../src/roles/control-plane.js';
import { HttpClient } from '../../deploy/local/http-client.ts';
import { createTestDatabase } from './postgres.js';
import { mintToken, testIssuer } from './tokens.js';

export interface TestApi {
  plane: ControlPlane;
  config: Config;
  url: string;
  /** Has the platform role `operator`. */
  operator: HttpClient;
  /** A client for a fresh person. */
  person(subject?: string): Promise<HttpClient>;
  client(token?: string): HttpClient;
  stop(): Promise<void>;
}

export function randomName(prefix: string): string {
  return `${prefix}-${randomBytes(5).toString('hex')}`;
}

/** Environment of a process under test; `more` wins. */
export function testEnvironment(databaseUrl: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    FNPLANE_ROLES: 'api',
    DATABASE_URL: databaseUrl,
    FNPLANE_ISSUERS: JSON.stringify([testIssuer()]),
    FNPLANE_ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
    FNPLANE_INTERNAL_SECRET: randomBytes(32).toString('hex'),
    FNPLANE_REGISTRY_URL: 'http://127.0.0.1:5010',
    FNPLANE_RUNTIME_IMAGES: JSON.stringify({ python: 'x', node: 'x', go: 'x' }),
    FNPLANE_API_LISTEN: '127.0.0.1:0',
    // In force, but out of the way of tests about other things.
    FNPLANE_API_RATE: '20000:20000', FNPLANE_API_TENANT_RATE: '20000:20000', FNPLANE_API_UNAUTHENTICATED_RATE: '20000:20000',
    ...more,
  };
}

/** The API role alone on a port of its own; on a database of its own, or as one more process on that of `beside`, with the same operator. */
export async function startApi(more: Record<string, string> = {}, beside?: TestApi): Promise<TestApi> {
  const database = beside ? { url: beside.config.DATABASE_URL!, drop: () => Promise.resolve() } : await createTestDatabase();
  const shared: Record<string, string> = beside ? { FNPLANE_ENCRYPTION_KEYS: beside.config.FNPLANE_ENCRYPTION_KEYS!, FNPLANE_INTERNAL_SECRET: beside.config.FNPLANE_INTERNAL_SECRET! } : {};
  const config = loadConfig(testEnvironment(database.url, { ...shared, ...more }));
  const plane = await buildControlPlane(config);
  await plane.http!.listen(0, '127.0.0.1');
  const url = await plane.http!.getUrl();
  const client = (token?: string): HttpClient => new HttpClient(url, token);
  return {
    plane, config, url, client,
    operator: client(beside?.operator.token ?? await mintToken({ roles: ['operator'] })),
    person: async (subject) => client(await mintToken({ subject })),
    stop: async () => {
      await closeControlPlane(plane);
      await database.drop();
    },
  };
}
