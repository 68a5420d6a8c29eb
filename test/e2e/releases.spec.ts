import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HttpAnswer } from '../../deploy/local/http-client.ts';
import { tenantNamespace } from '../../src/contract/names.js';
import { POOL_LABEL } from '../../src/contract/pool-resource.js';
import { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { conditionOf, needed, sharedPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, isReady, podsOf, put, python, readyFunction } from '../support/tenant-functions.js';

const answering = (value: string): string => `def handle(event, context):\n    return ${value}\n`;
const open = { authentication: 'none' } as const;

let platform: TestPlatform;
let client: KubernetesClient;
let tenantId: string;
const tenant = randomName('release');

beforeAll(async () => {
  platform = await sharedPlatform();
  client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path: needed('KUBECONFIG') } });
  tenantId = (await platform.tenant(tenant)).id as string;
});
afterAll(async () => {
  await client?.close();
  await platform?.stop();
});

/** Revisions that answered, and how often; with the statuses that were no 200. */
async function answers(name: string, requests: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let at = 0; at < requests; at += 20) {
    const batch = await Promise.all(Array.from({ length: Math.min(20, requests - at) }, () => fetch(`${platform.gateway}/${tenant}/${name}/`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(30_000) })));
    for (const answer of batch) {
      await answer.arrayBuffer();
      const key = answer.status === 200 ? answer.headers.get('x-fnplane-served-by')!.split('@')[1]! : `status ${answer.status}`;
      seen[key] = (seen[key] ?? 0) + 1;
    }
  }
  return seen;
}

function stateOf(name: string): Promise<HttpAnswer['body']> {
  return platform.operator.get(`/v1/tenants/${tenant}/functions/${name}`).then(({ body }) => body);
}

function rollout(name: string, expected: object, withinMs = 40_000): Promise<HttpAnswer['body']> {
  return eventually(async () => {
    const fn = await stateOf(name);
    expect(fn.status.rollout).toMatchObject(expected);
    return fn;
  }, { withinMs });
}

async function poolPods(state: string): Promise<Pod[]> {
  const { items } = await client.list<Pod>(RESOURCE.pod, { namespace: tenantNamespace(tenantId), labelSelector: `${POOL_LABEL}=${state}` });
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

async function say(name: string, verb: string): Promise<void> {
  const { status, body } = await platform.operator.post(`/v1/tenants/${tenant}/functions/${name}/${verb}`, {});
  expect([verb, status, status === 202 ? '' : JSON.stringify(body)]).toEqual([verb, 202, '']);
}

describe('a canary', () => {
  const steps = [{ setWeight: 20 }, { pause: {} }, { setWeight: 50 }, { pause: { seconds: 2 } }];
  const canary = { strategy: 'canary', steps } as const;

  it('takes its share step by step, and waits for its owner where it shall', async () => {
    await deploy(platform, tenant, python('shop', answering('1'), { ...open, rollout: canary }));
    expect(await answers('shop', 20)).toEqual({ 1: 20 });
    await put(platform, tenant, python('shop', answering('2'), { ...open, rollout: canary }));
    await rollout('shop', { phase: 'paused', weight: 20, step: 1, stable: 1, revision: 2 });
    const seen = await eventually(async () => {
      const found = await answers('shop', 200);
      expect(found[2]).toBeGreaterThan(0);
      return found;
    }, { withinMs: 10_000 });
    expect(seen[1]! + seen[2]!).toBe(200);
    expect(seen[2]! / 200).toBeCloseTo(0.2, 1);
    await say('shop', 'rollout/resume');
    await rollout('shop', { weight: 50, revision: 2 });
    await rollout('shop', { phase: 'completed', weight: 100 });
    expect((await readyFunction(platform, tenant, 'shop')).status).toMatchObject({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }] });
    await eventually(async () => expect(await answers('shop', 40)).toEqual({ 2: 40 }), { withinMs: 10_000 });
  });

  it('is ended by itself when the new revision fails, and nobody is left without an answer for long', async () => {
    await put(platform, tenant, python('shop', 'def handle(event, context):\n    raise ValueError("no")\n', { ...open, rollout: { strategy: 'canary', steps: [{ setWeight: 50 }, { pause: { seconds: 300 } }], analysis: { maxErrorPercent: 10, windowSeconds: 10, minRequests: 10 } } }));
    await rollout('shop', { phase: 'paused', weight: 50, revision: 3 });
    const failed = await eventually(async () => {
      await answers('shop', 40);
      const fn = await stateOf('shop');
      expect(fn.status.rollout.phase).toBe('aborted');
      return fn;
    }, { withinMs: 40_000, everyMs: 300 });
    expect(conditionOf(failed, 'Ready')).toMatchObject({ status: 'False', reason: 'RolloutAborted' });
    expect(failed.status.rollout.message).toMatch(/^In the last .* of the answers of revision 3 were 5xx; at most 10 % are allowed/);
    await eventually(async () => expect(await answers('shop', 40)).toEqual({ 2: 40 }), { withinMs: 10_000 });
  });

  it('leaves room for going back, to any revision that is kept', async () => {
    await say('shop', 'rollback');
    await eventually(async () => expect(await answers('shop', 20)).toEqual({ 2: 20 }), { withinMs: 10_000 });
    expect(await readyFunction(platform, tenant, 'shop')).toMatchObject({ status: { targetRevision: 2, servingRevision: 2 } });
    const { status } = await platform.operator.post(`/v1/tenants/${tenant}/functions/shop/rollback`, { revision: 1 });
    expect(status).toBe(202);
    await eventually(async () => expect(await answers('shop', 20)).toEqual({ 1: 20 }), { withinMs: 30_000 });
  });
});

describe('tags', () => {
  it('are addresses of single revisions, beside the shares of the traffic', async () => {
    await deploy(platform, tenant, python('tagged', answering('1'), open));
    await put(platform, tenant, python('tagged', answering('2'), { ...open, traffic: [{ percent: 100 }, { revision: 1, percent: 0, tag: 'old' }] }));
    await eventually(async () => {
      expect(await answers('tagged', 10)).toEqual({ 2: 10 });
      expect(await answers('old---tagged', 10)).toEqual({ 1: 10 });
    }, { withinMs: 40_000 });
    expect(await answers('new---tagged', 1)).toEqual(await answers('absent', 1));
  });
});

describe('a function at zero', () => {
  it('has no pods, and is woken by whoever asks', async () => {
    await deploy(platform, tenant, python('sleeper', answering('1'), { ...open, scaling: { min: 0, max: 1, idleTimeoutSeconds: 1 } }));
    const asleep = await eventually(async () => {
      expect(await podsOf(client, tenantId, 'sleeper')).toEqual([]);
      const fn = await stateOf('sleeper');
      expect(fn.status.scale).toMatchObject({ active: false });
      return fn;
    }, { withinMs: 40_000 });
    expect(conditionOf(asleep, 'Ready')).toMatchObject({ status: 'True', reason: 'Idle' });
    expect(await answers('sleeper', 20)).toEqual({ 1: 20 });
    await eventually(async () => expect((await stateOf('sleeper')).status.scale).toMatchObject({ active: false }), { withinMs: 40_000 });
  });
});

describe('a warm pool', () => {
  it('starts a function in a pod that waited, with its own environment and secret, and no other', async () => {
    const { operator } = platform;
    expect((await operator.put(`/v1/tenants/${tenant}/secrets/warm`, { data: { TOKEN: 'of-its-own' } })).status).toBe(201);
    const source = 'import os\n\ndef handle(event, context):\n    return [os.environ["NAME"], os.environ["TOKEN"], context.function]\n';
    await deploy(platform, tenant, python('warm', source, { ...open, environment: { NAME: 'ada' }, secrets: ['warm'], scaling: { min: 0, max: 1, idleTimeoutSeconds: 2 } }));
    await eventually(async () => expect(await podsOf(client, tenantId, 'warm')).toEqual([]), { withinMs: 40_000 });
    expect((await operator.put(`/v1/tenants/${tenant}/pools`, { runtimes: [{ runtime: 'python', min: 1, max: 1 }] })).status).toBeLessThan(300);
    const waiting = await eventually(async () => {
      const found = (await poolPods('waiting')).find(isReady);
      expect(found).toBeDefined();
      return found!;
    }, { withinMs: 40_000 });
    const begun = performance.now();
    const answer = await fetch(`${platform.gateway}/${tenant}/warm/`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(30_000) });
    expect([answer.status, await answer.json()]).toEqual([200, ['ada', 'of-its-own', 'warm']]);
    console.info(`answered out of the pool after ${Math.round(performance.now() - begun)} ms`);
    const [serving, ...others] = await eventually(async () => {
      const found = await podsOf(client, tenantId, 'warm');
      expect(found).not.toEqual([]);
      return found;
    }, { withinMs: 10_000 });
    expect([serving!.metadata.uid, others]).toEqual([waiting.metadata.uid, []]);
    // The pool is filled up again, and the pod goes when its function sleeps.
    await eventually(async () => expect((await poolPods('waiting')).filter(isReady)).toHaveLength(1), { withinMs: 40_000 });
    await eventually(async () => expect(await podsOf(client, tenantId, 'warm')).toEqual([]), { withinMs: 40_000 });
    expect((await operator.put(`/v1/tenants/${tenant}/pools`, { runtimes: [] })).status).toBeLessThan(300);
    await eventually(async () => expect(await poolPods('waiting')).toEqual([]), { withinMs: 40_000 });
  }, 180_000);
});
