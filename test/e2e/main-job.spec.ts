import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantNamespace } from '../../src/contract/names.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { leftovers } from '../support/leftovers.js';
import { conditionOf, sharedPlatform, type TestPlatform } from '../support/platform.js';
import { GRAPHQL, REST } from './transports.js';

const GREETER = `import os

def handle(event, context):
    return {"greeting": os.environ["GREETING"], "signed": len(os.environ["SIGNING_KEY"]), "name": event["data"]["name"], "tenant": context.tenant}
`;

describe.each([REST, GRAPHQL])('the main job through $name', (transport) => {
  let platform: TestPlatform;
  const tenant = randomName('shop');
  let tenantId: string;

  beforeAll(async () => {
    platform = await sharedPlatform();
  });
  afterAll(() => platform.stop());

  it('goes from tenant to bill', async () => {
    const { operator } = platform;
    tenantId = (await transport.createTenant(operator, { name: tenant, plan: 'standard' })).id;
    await transport.putConfig(operator, tenant, 'texts', { GREETING: 'hello' });
    await transport.putSecret(operator, tenant, 'signing', { SIGNING_KEY: 'canary-7f3a' });
    // Deployed before the tenant is in place: the function waits for it by itself.
    await transport.deploy(operator, tenant, { name: 'greeter', runtime: 'python', source: { inline: { 'handler.py': GREETER } }, configs: ['texts'], secrets: ['signing'] });
    const ready = await platform.ready(tenant, 'greeter');
    expect(ready.status).toMatchObject({ servingRevision: 1, targetRevision: 1, readyReplicas: 1 });

    for (const name of ['Ada', 'Grace', 'Edsger']) {
      expect(await transport.invoke(operator, tenant, 'greeter', { name })).toEqual({ greeting: 'hello', signed: 11, name, tenant });
    }
    const usage = await eventually(async () => {
      const found = await transport.usage(operator, tenant);
      expect(found.invocations).toBe(3);
      return found;
    }, { withinMs: 10_000 });
    expect(usage.billedMs).toBeGreaterThanOrEqual(3);
    const preview = await transport.preview(operator, tenant);
    expect(preview).toMatchObject({ currency: 'EUR', total: '0.00' });
    expect(preview.lines.find((line) => line.meter.toLowerCase() === 'invocations')).toMatchObject({ quantity: '3', amount: '0.00' });
  });

  it('rolls to a new revision and picks up a changed secret', async () => {
    const { operator } = platform;
    await transport.putSecret(operator, tenant, 'signing', { SIGNING_KEY: 'four' });
    await eventually(async () => expect(await transport.invoke(operator, tenant, 'greeter', { name: 'x' })).toMatchObject({ signed: 4 }), { withinMs: 40_000, everyMs: 300 });
    await transport.deploy(operator, tenant, { name: 'greeter', runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return {"revision": context.revision}\n' } } });
    const ready = await platform.ready(tenant, 'greeter');
    expect(ready.status.servingRevision).toBe(2);
    expect(JSON.stringify(await transport.invoke(operator, tenant, 'greeter', {}))).toContain('2');
  });

  it('leaves nothing of a deleted function, and keeps its ledger', async () => {
    const { operator } = platform;
    const before = await eventually(async () => {
      const first = await transport.usage(operator, tenant);
      expect(first.invocations).toBeGreaterThan(3);
      return first;
    }, { withinMs: 10_000 });
    await transport.deleteFunction(operator, tenant, 'greeter');
    await eventually(async () => expect((await operator.get(`/v1/tenants/${tenant}/functions/greeter`)).status).toBe(404), { withinMs: 60_000 });
    expect(await leftovers(tenantNamespace(tenantId), 'greeter')).toEqual([]);
    expect((await transport.usage(operator, tenant)).invocations).toBeGreaterThanOrEqual(before.invocations);
  });

  it('leaves nothing of a deleted tenant on the cluster', async () => {
    const { operator } = platform;
    await transport.deploy(operator, tenant, { name: 'last', runtime: 'python', source: { inline: { 'handler.py': 'def handle(event, context):\n    return 1\n' } } });
    await platform.ready(tenant, 'last');
    await transport.deleteTenant(operator, tenant);
    const seen = await operator.get(`/v1/tenants/${tenant}`);
    if (seen.status === 200) expect(conditionOf(seen.body, 'Ready')).toBeDefined();
    await eventually(async () => expect((await operator.get(`/v1/tenants/${tenant}`)).status).toBe(404), { withinMs: 90_000 });
    expect(await leftovers(tenantNamespace(tenantId))).toEqual([]);
  });
});
