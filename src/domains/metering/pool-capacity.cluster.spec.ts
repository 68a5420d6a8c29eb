import { afterAll, beforeAll, expect, it } from 'vitest';
import { randomName } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { needed, startPlatform, type OwnPlatform } from '../../../test/support/platform.js';
import { tenantNamespace } from '../../contract/names.js';
import { POOL_LABEL } from '../../contract/pool-resource.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { CapacityLedger } from './capacity-ledger.service.js';
import { PodMeter } from './cluster/pod-meter.js';
import type { ControlPlane } from '../../roles/control-plane.js';

let platform: OwnPlatform;
let client: KubernetesClient;
const tenant = randomName('warm');
const path = `/v1/tenants/${tenant}`;

beforeAll(async () => {
  platform = await startPlatform();
  client = new KubernetesClient({ cluster: 'spec', source: { kind: 'file', path: needed('KUBECONFIG') } });
  await platform.tenant(tenant);
}, 180_000);

afterAll(async () => {
  await client?.close();
  await platform?.stop();
}, 120_000);

interface StatusOnCluster {
  cluster: string;
  runtimes: { runtime: string; desired: number; ready: number; idlePodSeconds: number; lastRefusal: object | null }[];
  conditions: { type: string; status: string; reason: string }[];
}

async function statusOf(): Promise<StatusOnCluster[]> {
  return (await platform.operator.get(`${path}/pools`)).body.status as StatusOnCluster[];
}

async function waitingPods(namespace: string): Promise<Pod[]> {
  return (await client.list<Pod>(RESOURCE.pod, { namespace, labelSelector: POOL_LABEL })).items;
}

it('a pool tells of itself through both APIs, and what its pod waited is on the bill once, to the second of its life', async () => {
  const { id } = (await platform.operator.get(path)).body as { id: string };
  const namespace = tenantNamespace(id);
  const plane = platform.process.controlPlane as ControlPlane;
  const ledger = plane.app.get(CapacityLedger, { strict: false });
  const others = [1, 2].map(() => new PodMeter('default', client, 'auto'));
  for (const one of others) one.start();

  expect((await platform.operator.put(`${path}/pools`, { runtimes: [{ runtime: 'node', min: 1, max: 1 }] })).status).toBe(200);
  const [there] = await eventually(async () => {
    const status = await statusOf();
    expect(status[0]?.conditions[0]).toMatchObject({ type: 'Ready', status: 'True', reason: 'Filled' });
    return status;
  }, { withinMs: 60_000, everyMs: 200 });
  expect(there).toMatchObject({ cluster: 'default', runtimes: [{ runtime: 'node', desired: 1, ready: 1, lastRefusal: null }] });
  const { data } = (await platform.operator.graphql('query($t: String!) { pools(tenant: $t) { status { cluster runtimes { runtime desired ready serving recentClaims idlePodSeconds } conditions { type status } } } }', { t: tenant })).body;
  expect(data.pools.status).toMatchObject([{ cluster: 'default', runtimes: [{ runtime: 'NODE', desired: 1, ready: 1, serving: 0, recentClaims: 0 }], conditions: [{ type: 'Ready', status: 'TRUE' }] }]);

  const [pod] = await waitingPods(namespace);
  const started = Date.parse(pod?.status?.containerStatuses?.[0]?.state?.running?.startedAt ?? '');
  expect((await platform.operator.put(`${path}/pools`, { runtimes: [] })).status).toBe(200);
  const asked = await eventually(async () => {
    const { deletionTimestamp = '', deletionGracePeriodSeconds = 0 } = (await client.get<Pod>(RESOURCE.pod, { namespace, name: pod?.metadata.name ?? '' })).metadata;
    expect(deletionTimestamp).not.toBe('');
    return Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1_000;
  }, { withinMs: 15_000, everyMs: 20 });

  const usage = await eventually(async () => {
    // Beside the platform's own meter, and through the same ledger.
    await Promise.all(others.map((one) => ledger.book(one.lifetimes.spans())));
    const { body } = await platform.operator.get(`${path}/usage`);
    expect(body.pools).toHaveLength(1);
    return body as { pools: { runtime: string; podSeconds: string; gbSeconds: string }[] };
  }, { withinMs: 15_000, everyMs: 100 });
  const seconds = (asked - started) / 1_000;
  expect(usage.pools).toMatchObject([{ runtime: 'node', podSeconds: String(seconds), gbSeconds: String(seconds / 8) }]);
  const preview = (await platform.operator.get(`${path}/invoice-preview`)).body as { lines: { meter: string; quantity: string }[] };
  expect(preview.lines.find(({ meter }) => meter === 'pool_cpu_seconds')?.quantity).toBe(String(seconds / 4));

  await eventually(async () => expect(await statusOf()).toEqual([]), { withinMs: 15_000 });
  await eventually(async () => expect(await waitingPods(namespace)).toEqual([]), { withinMs: 40_000, everyMs: 200 });
  await Promise.all(others.map((one) => ledger.book(one.lifetimes.spans())));
  expect((await platform.operator.get(`${path}/usage`)).body.pools).toEqual(usage.pools);
  await Promise.all(others.map((one) => one.stop()));
});
