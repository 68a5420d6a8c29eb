import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayRig, TestTenant, until } from './testing/gateway-rig.js';

describe('load', () => {
  let rig: GatewayRig;
  const shop = new TestTenant('shop');

  beforeEach(async () => {
    rig = await new GatewayRig().start({ limits: { maxWaitMs: 300 } });
    rig.sink.upsertAccess(shop.accessList());
  });
  afterEach(() => rig.stop());

  const loadOf = (name: string) => rig.gateway.loadReport().functions.find(({ functionId }) => functionId === `${shop.id}-${name}`);

  it('leaves out functions that were never asked for', async () => {
    for (const name of ['f', 'g']) rig.deploy(shop, name, [await rig.pod()]);
    expect(rig.gateway.loadReport().functions).toEqual([]);
    await rig.fetch(shop, '/shop/f');
    await fetch(`${rig.url}/shop/g`);
    await until(() => loadOf('f')?.inFlight === 0);
    expect(rig.gateway.loadReport().functions.map(({ functionId }) => functionId)).toEqual([`${shop.id}-f`]);
    expect(rig.gateway.loadReport().instance).toBe(rig.gateway.usageReport().instance);
  });

  it('tells who is with a pod, who waits, how many were given to pods, and when the last one was there', async () => {
    const held: (() => void)[] = [];
    rig.deploy(shop, 'f', [await rig.pod((_request, response) => void held.push(() => response.end('ok')))], {}, { concurrency: 2 });
    const before = Date.now();
    const answers = Array.from({ length: 5 }, () => rig.fetch(shop, '/shop/f'));
    await until(() => loadOf('f')?.waiting === 3);
    expect(loadOf('f')).toMatchObject({ inFlight: 2, waiting: 3, requests: 2 });
    expect(loadOf('f')!.lastActiveAt).toBeGreaterThanOrEqual(before);
    for (let i = 0; i < 2; i++) held[i]!();
    await until(() => held.length === 4);
    for (let i = 2; i < 4; i++) held[i]!();
    await until(() => held.length === 5);
    held[4]!();
    await Promise.all(answers);
    await until(() => loadOf('f')?.inFlight === 0);
    const idle = loadOf('f')!;
    expect(idle).toMatchObject({ inFlight: 0, waiting: 0, requests: 5 });
    await until(() => Date.now() > idle.lastActiveAt + 5);
    expect(loadOf('f')).toEqual(idle);
  });

  it('counts a request that goes from pod to pod once, and one that waits in vain not at all', async () => {
    const dead = await rig.pod();
    await dead.stop();
    rig.deploy(shop, 'f', [dead, await rig.pod()]);
    for (let i = 0; i < 10; i++) expect((await rig.fetch(shop, '/shop/f')).status).toBe(200);
    await until(() => loadOf('f')?.inFlight === 0);
    expect(loadOf('f')).toMatchObject({ waiting: 0, requests: 10 });
    rig.deploy(shop, 'none', []);
    expect((await rig.fetch(shop, '/shop/none')).status).toBe(503);
    expect(loadOf('none')).toMatchObject({ inFlight: 0, waiting: 0, requests: 0 });
  });

  it('goes on counting when the same function gets a new address', async () => {
    rig.deploy(shop, 'f', [await rig.pod()]);
    await rig.fetch(shop, '/shop/f');
    const renamed = shop.functionResource('f');
    rig.sink.upsertFunction({ ...renamed, spec: { ...renamed.spec, tenant: 'store' } });
    await rig.fetch(shop, '/store/f');
    await until(() => loadOf('f')?.inFlight === 0);
    expect(loadOf('f')!.requests).toBe(2);
  });
});
