import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { startPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, invoke, python } from '../support/tenant-functions.js';

const ECHO = 'def handle(event, context):\n    return {"tenant": context.tenant}\n';

describe('the way to a function where the pod network is out of reach', () => {
  let platform: TestPlatform;
  const client = clusterClient();
  const tenant = randomName('far');

  beforeAll(async () => {
    platform = await startPlatform({ FNPLANE_POD_NETWORK: 'proxy' });
    await platform.tenant(tenant);
    await deploy(platform, tenant, python('echo', ECHO));
  });
  afterAll(async () => {
    await platform?.stop();
    await client.close();
  });

  /** Requests the API server has passed on, by what it passed them on to. */
  async function proxied(resource: 'services' | 'pods'): Promise<number> {
    const text = await client.raw('GET', '/metrics', { timeoutMs: 20_000 });
    const lines = text.split('\n').filter((line) => line.startsWith('apiserver_request_total{') && line.includes(`resource="${resource}"`) && line.includes('subresource="proxy"'));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  it('goes through the API server\'s service proxy, and the usage is still counted', async () => {
    const [services, pods] = await Promise.all([proxied('services'), proxied('pods')]);
    for (let i = 0; i < 4; i += 1) expect(await invoke(platform, tenant, 'echo')).toMatchObject({ tenant });
    expect(await proxied('services')).toBeGreaterThanOrEqual(services + 4);
    await eventually(async () => expect((await platform.operator.get(`/v1/tenants/${tenant}/usage`)).body.total.invocations).toBe(4), { withinMs: 20_000 });
    expect(await proxied('pods')).toBeGreaterThan(pods);
  });
});
