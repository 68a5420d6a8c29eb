import { mkdtempSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SecondCluster } from '../../deploy/local/cluster/second.ts';
import { RuntimeProcess } from '../../deploy/runtimes/conformance/runtime-process.ts';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import type { Condition, FunctionResource } from '../../src/contract/function-resource.js';
import { mayI } from '../../src/gateway/testing/gateway-identity.js';
import { FUNCTION_PORT, LABEL, SYSTEM_NAMESPACE, tenantNamespace } from '../../src/contract/names.js';
import { systemContext } from '../../src/platform/context/context.js';
import { findCondition } from '../../src/platform/kubernetes/conditions.js';
import { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { MeterRole } from '../../src/roles/meter.role.js';
import { OperatorRole } from '../../src/roles/operator.role.js';
import { WorkerRole } from '../../src/roles/worker.role.js';
import { FunctionProgress } from '../../src/domains/functions/function-progress.js';
import { RevisionBuilder } from '../../src/domains/functions/jobs/revision-builder.js';

const IMAGE = `registry.example/team/app@sha256:${'a'.repeat(64)}`;
const SOURCE = { runtime: 'python', source: { inline: { 'handler.py': 'x = 1' } } };
const BUILD_MS = 900_000;

interface Place {
  clusterName: string;
  state: string;
  workloads?: { total: number; ready: number };
}

/** A team with one function. */
interface Team {
  id: string;
  path: string;
  namespace: string;
}

/** A real control plane: the process's own cluster, or one that is registered. Its pods are simulated. */
class Site {
  private constructor(
    readonly name: string,
    readonly cluster: SecondCluster,
    /** For looking, past the platform. */
    readonly client: KubernetesClient,
    private readonly operator: OperatorRole,
    private readonly operatorClient: KubernetesClient,
  ) {}

  static async start(name: string): Promise<Site> {
    const cluster = await SecondCluster.start({ data: mkdtempSync(join(tmpdir(), `fnplane-${name}-`)) });
    const connect = (as: string) => new KubernetesClient({ cluster: as, source: { kind: 'file', path: cluster.kubeconfigFile } });
    const operatorClient = connect(`${name}-operator`);
    const operator = new OperatorRole({ client: operatorClient });
    operator.start();
    return new Site(name, cluster, connect(`${name}-look`), operator, operatorClient);
  }

  /** Where a function stands here, undefined where it is not. */
  async find({ namespace }: Team, name = 'f'): Promise<FunctionResource | undefined> {
    return (await this.client.find<FunctionResource>(RESOURCE.function, { namespace, name })) ?? undefined;
  }

  async isClean({ namespace }: Team): Promise<boolean> {
    return (await this.client.find(RESOURCE.namespace, { name: namespace })) === null;
  }

  async stop(): Promise<void> {
    this.cluster.thaw();
    await this.operator.stop();
    await Promise.all([this.client.close(), this.operatorClient.close()]);
    await this.cluster.stop();
  }
}

let api: TestApi;
let east: Site;
let west: Site;
let worker: WorkerRole;
let own: KubernetesClient;

beforeAll(async () => {
  [east, west] = await Promise.all([Site.start('east'), Site.start('west')]);
  api = await startApi({ FNPLANE_CLUSTER_NAME: 'east', FNPLANE_CLUSTER_REGION: 'east', FNPLANE_POD_NETWORK: 'direct', FNPLANE_METER_INTERVAL_MS: '200' });
  // No registry takes part: an image is what the row says.
  const progress = api.plane.app.get(FunctionProgress, { strict: false });
  vi.spyOn(api.plane.app.get(RevisionBuilder, { strict: false }), 'ensure').mockImplementation(async (context, fn) => {
    if (fn.target.buildState !== 'built') await progress.built(context, fn, IMAGE);
    return { ...fn, target: { ...fn.target, buildState: 'built', image: fn.target.image ?? IMAGE } };
  });
  own = new KubernetesClient({ cluster: 'east', source: { kind: 'file', path: east.cluster.kubeconfigFile } });
  worker = new WorkerRole(api.config, api.plane, own);
  await worker.start();
  const registered = await api.operator.post('/v1/clusters', { name: 'west', region: 'west', kubeconfig: west.cluster.kubeconfig });
  expect([registered.status, registered.body.code]).toEqual([201, undefined]);
}, BUILD_MS);

afterAll(async () => {
  west?.cluster.thaw();
  await worker?.stop(5_000);
  await own?.close();
  await api?.stop();
  await Promise.all([east?.stop(), west?.stop()]);
  vi.restoreAllMocks();
}, 120_000);

async function team(region?: string): Promise<Team> {
  const { body } = await api.operator.post('/v1/tenants', { name: randomName('team') });
  const made = { id: body.id as string, path: `/v1/tenants/${body.name as string}`, namespace: tenantNamespace(body.id as string) };
  if (region !== undefined) await ask(made, { regions: [region] });
  return made;
}

async function ask(of: Team, wish: object): Promise<void> {
  expect((await api.operator.put(`${of.path}/placement`, wish)).status).toBe(200);
}

async function teamWithFunction(): Promise<Team> {
  const made = await team();
  expect((await api.operator.put(`${made.path}/functions/f`, SOURCE)).status).toBe(202);
  await eventually(async () => expect(await status(made)).toMatchObject({ Ready: 'True', Serving: 'True' }), { withinMs: 40_000 });
  return made;
}

async function status(of: Team): Promise<Record<string, string>> {
  const { body } = await api.operator.get(`${of.path}/functions/f`);
  return Object.fromEntries((body.status.conditions as Condition[]).map((condition) => [condition.type, condition.status]));
}

async function places(of: Team): Promise<string[]> {
  const { body } = await api.operator.get(`${of.path}/placements`);
  return (body.items as Place[]).map(({ clusterName, state }) => `${clusterName} ${state}`).sort();
}

async function tenantReady(of: Team): Promise<string> {
  const { body } = await api.operator.get(of.path);
  return (body.conditions as Condition[]).find(({ type }) => type === 'Ready')!.status;
}

const isServing = (fn: FunctionResource | undefined) => findCondition(fn?.status?.conditions, 'Serving')?.status === 'True';

/** Waits until the tenant is at `expected`, and sees to it that the function serves somewhere all the while. */
function arrives(of: Team, expected: string[]): Promise<void> {
  return servedMeanwhile(of, 'f', async () => expect(await places(of)).toEqual(expected));
}

async function servedMeanwhile(of: Team, name: string, until: () => Promise<unknown>): Promise<void> {
  let done = false;
  const gaps: string[] = [];
  const watch = (async () => {
    while (!done) {
      const [here, there] = await Promise.all([east.find(of, name), west.find(of, name)]);
      if (!isServing(here) && !isServing(there)) gaps.push(`east ${JSON.stringify(here?.status?.conditions)}, west ${JSON.stringify(there?.status?.conditions)}`);
    }
  })();
  await eventually(until, { withinMs: 60_000 }).finally(() => { done = true; });
  await watch;
  expect(gaps).toEqual([]);
}

/** The cluster did not answer for ten minutes, as it were. */
async function silentForLong(name: string): Promise<void> {
  await eventually(async () => expect((await api.operator.get(`/v1/clusters/${name}`)).body.message).toBeTruthy(), { withinMs: 40_000 });
  const condition = JSON.stringify([{ type: 'Reachable', status: 'False', reason: 'NotAnswering', message: '', lastTransitionTime: new Date(Date.now() - 600_000).toISOString() }]);
  await api.plane.database.transaction(systemContext('test'), (manager) => manager.query(`UPDATE cluster SET heartbeat_at = now() - interval '10 minutes', conditions = $2 WHERE name = $1`, [name, condition]));
}

describe('a registered cluster', () => {
  it('is connected, prepared and found to answer', async () => {
    await eventually(() => west.client.get(RESOURCE.customResourceDefinition, { name: 'functions.fnplane.dev' }), { withinMs: 20_000 });
    await eventually(async () => expect((await api.operator.get('/v1/clusters/west')).body).toMatchObject({ reachable: true, connection: 'registered', conditions: [{ type: 'Reachable', status: 'True' }] }), { withinMs: 20_000 });
  });
});

describe('a gateway of the local set-up', () => {
  it('has the rights of its account, which the platform makes on every cluster, and no other', async () => {
    const gateway = new KubernetesClient({ cluster: 'west-gateway', source: { kind: 'file', path: west.cluster.gatewayKubeconfigFile } });
    try {
      await eventually(async () => expect(await mayI(gateway, 'watch', 'functions.fnplane.dev')).toBe(true), { withinMs: 10_000 });
      const may = async (verb: string, resource: string, namespace?: string) => mayI(gateway, verb, resource, namespace);
      expect(await Promise.all([may('patch', 'functions.fnplane.dev', 'any'), may('list', 'secrets', SYSTEM_NAMESPACE)])).toEqual([true, true]);
      expect(await Promise.all([may('create', 'functions.fnplane.dev', 'any'), may('list', 'secrets', 'any'), may('list', 'pods', 'any'), may('get', 'services/proxy', 'any')])).toEqual([false, false, false, false]);
    } finally {
      await gateway.close();
    }
  });
});

describe('a tenant that moves', () => {
  let moving: Team;
  beforeAll(async () => {
    moving = await teamWithFunction();
  }, 60_000);

  it('begins where it was placed', async () => {
    expect([await places(moving), isServing(await east.find(moving)), await west.find(moving)]).toEqual([['east active'], true, undefined]);
  });

  it('is served all the while, and leaves nothing behind', async () => {
    await ask(moving, { regions: ['west'] });
    await arrives(moving, ['west active']);
    expect([await east.isClean(moving), isServing(await west.find(moving)), await tenantReady(moving)]).toEqual([true, true, 'True']);
    await eventually(async () => expect(await status(moving)).toMatchObject({ Ready: 'True', Serving: 'True', Reconciling: 'False' }), { withinMs: 10_000 });
  });

  it('stays where it is when it may be anywhere, and goes when its cluster is drained', async () => {
    await ask(moving, {});
    const { body } = await api.operator.get(`${moving.path}/placement`);
    expect([body.effective.clusters, body.effective.whyHere[0]]).toMatchObject([['west'], { clusterName: 'west', verdict: 'chosen', reason: 'Kept' }]);
    expect((await api.operator.post('/v1/clusters/west/drain')).status).toBe(200);
    await arrives(moving, ['east active']);
    expect(await west.isClean(moving)).toBe(true);
    expect((await api.operator.post('/v1/clusters/west/uncordon')).status).toBe(200);
  });

  it('stays where it is, and serves, when there is nowhere to go', async () => {
    await ask(moving, { regions: ['nowhere'] });
    await eventually(async () => expect((await api.operator.get(`${moving.path}/placement`)).body.effective).toMatchObject({ clusters: [], missing: 1 }), { withinMs: 5_000 });
    await eventually(async () => expect(await api.plane.database.transaction(systemContext('test'), (manager) => manager.query(`SELECT 1 FROM work_item WHERE kind = 'placement' AND key = $1 AND gen = claimed_gen AND lease IS NULL`, [moving.id]))).toHaveLength(1), { withinMs: 10_000 });
    expect([await places(moving), isServing(await east.find(moving))]).toEqual([['east active'], true]);
    await ask(moving, {});
  });

  it('is on two clusters when it asks for two, and its function is one', async () => {
    await ask(moving, { clusters: 2 });
    await arrives(moving, ['east active', 'west active']);
    await eventually(async () => {
      const { body } = await api.operator.get(`${moving.path}/functions/f`);
      expect([body.status.readyReplicas, await status(moving)]).toMatchObject([2, { Ready: 'True', Serving: 'True' }]);
    }, { withinMs: 20_000 });
    const { body } = await api.operator.get(`${moving.path}/placements`);
    await eventually(async () => expect(((await api.operator.get(`${moving.path}/placements`)).body.items as Place[]).map(({ workloads }) => workloads)).toMatchObject([{ total: 1, ready: 1 }, { total: 1, ready: 1 }]), { withinMs: 20_000 });
    expect(body.items).toHaveLength(2);
  });
});

describe('a function with places of its own', () => {
  let home: Team;
  const path = () => `${home.path}/functions/g`;
  const where = async (): Promise<string[]> => ((await api.operator.get(`${path()}/places`)).body.places as Place[]).map(({ clusterName, state }) => `${clusterName} ${state}`).sort();
  const scalings = async () => Promise.all([east, west].map(async (site) => (await site.find(home, 'g'))?.spec.scaling)).then((all) => all.map((scaling) => scaling && [scaling.min, scaling.max]));
  const ready = async (name: string) => findCondition((await api.operator.get(`${home.path}/functions/${name}`)).body.status.conditions as Condition[], 'Ready');

  beforeAll(async () => {
    home = await teamWithFunction();
    expect((await api.operator.put(path(), { ...SOURCE, placement: { regions: ['west'] }, scaling: { min: 2, max: 2 } })).status).toBe(202);
    await eventually(async () => expect(await ready('g')).toMatchObject({ status: 'True' }), { withinMs: 40_000 });
  }, 90_000);

  it('is on them alone, its tenant beside it there, and everything else where it was', async () => {
    expect([await where(), await places(home), await scalings()]).toEqual([['west active'], ['east active', 'west active'], [undefined, [2, 2]]]);
    expect([isServing(await east.find(home)), await west.find(home)]).toEqual([true, undefined]);
    const { items } = (await api.operator.get(`${home.path}/placements`)).body;
    expect((items as { clusterName: string; wantedBy: string }[]).map(({ clusterName, wantedBy }) => `${clusterName} ${wantedBy}`).sort()).toEqual(['east tenant', 'west functions']);
  });

  it('says why it is there, through both APIs', async () => {
    const { body } = await api.operator.get(`${path()}/places`);
    expect([body.missing, body.whyHere]).toMatchObject([0, [{ clusterName: 'west', verdict: 'chosen', reason: 'Kept', message: 'The function is here and it meets what is asked for.' }, { clusterName: 'east', verdict: 'excluded', reason: 'OtherRegion' }]]);
    const graph = await api.operator.graphql('query($t: String!) { functionPlaces(tenant: $t, function: "g") { placement { regions } places { clusterName state min max } whyHere { clusterName reason } } }', { t: home.id });
    expect(graph.body.data.functionPlaces).toEqual({
      placement: { regions: ['west'] }, places: [{ clusterName: 'west', state: 'ACTIVE', min: 2, max: 2 }], whyHere: [{ clusterName: 'west', reason: 'Kept' }, { clusterName: 'east', reason: 'OtherRegion' }],
    });
  });

  it('shares its pods out over as many clusters as it asks for, and gives none up before the others are ready', async () => {
    expect((await api.operator.patch(path(), { placement: { regions: null, clusters: 2 } })).status).toBe(202);
    await servedMeanwhile(home, 'g', async () => expect([await where(), await scalings()]).toEqual([['east active', 'west active'], [[1, 1], [1, 1]]]));
    await eventually(async () => expect([(await api.operator.get(path())).body.status.readyReplicas, await ready('g')]).toMatchObject([2, { status: 'True' }]), { withinMs: 20_000 });
  });

  it('moves with its rule: ready there first, then gone here, and its tenant after it', async () => {
    expect((await api.operator.patch(path(), { placement: { regions: ['east'], clusters: 1 } })).status).toBe(202);
    await servedMeanwhile(home, 'g', async () => expect([await where(), await places(home), await west.isClean(home)]).toEqual([['east active'], ['east active'], true]));
    expect(await scalings()).toEqual([[2, 2], undefined]);
  });

  it('goes elsewhere when its cluster is drained, without its tenant', async () => {
    await api.operator.patch(path(), { placement: { regions: ['west'] } });
    await servedMeanwhile(home, 'g', async () => expect(await where()).toEqual(['west active']));
    await api.operator.patch(path(), { placement: { regions: ['east', 'west'] } });
    expect((await api.operator.post('/v1/clusters/west/drain')).status).toBe(200);
    await servedMeanwhile(home, 'g', async () => expect([await where(), await places(home)]).toEqual([['east active'], ['east active']]));
    expect((await api.operator.post('/v1/clusters/west/uncordon')).status).toBe(200);
  });

  it('stays where it is when its tenant leaves, and is wherever its tenant is once it asks for nothing', async () => {
    await api.operator.patch(path(), { placement: { regions: ['east'] } });
    await ask(home, { clusters: 2 });
    await eventually(async () => expect([await places(home), await where()]).toEqual([['east active', 'west active'], ['east active']]), { withinMs: 60_000 });
    expect([isServing(await west.find(home)), await west.find(home, 'g')]).toEqual([true, undefined]);
    await api.operator.patch(path(), { placement: null });
    await eventually(async () => expect(isServing(await west.find(home, 'g'))).toBe(true), { withinMs: 60_000 });
    expect((await api.operator.get(`${path()}/places`)).body.placement).toBeUndefined();
  });
});

/** The container that a simulated node does not start, as a process at an address of this machine: the pod is said to be there. */
async function runs(site: Site, of: Team, name: string, address: string): Promise<RuntimeProcess> {
  const { items } = await site.client.list<Pod>(RESOURCE.pod, { namespace: of.namespace, labelSelector: `${LABEL.function}=${name}` });
  const [pod] = items.filter(({ status }) => status?.phase === 'Running');
  const runtime = await RuntimeProcess.start('node', { FNPLANE_HOST: address, PORT: String(FUNCTION_PORT) });
  await site.client.patchStatus(RESOURCE.pod, { namespace: of.namespace, name: pod!.metadata.name }, { podIP: address, podIPs: [{ ip: address }] });
  return runtime;
}

async function call(address: string, times: number): Promise<void> {
  for (let left = times; left > 0; left -= 1) await (await fetch(`http://${address}:${FUNCTION_PORT}/`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).arrayBuffer();
}

/** API servers pass nothing on to loopback addresses. */
function ownAddress(): string {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []).find(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('10.244.'))!.address;
}

describe('usage', () => {
  const [here, there] = ['127.0.0.1', ownAddress()];
  const ending: (() => Promise<unknown>)[] = [];
  let used: Team;
  const booked = async (): Promise<Record<string, number>> => {
    const { body } = await api.operator.get(`${used.path}/usage`);
    return Object.fromEntries((body.functions as { functionName: string; invocations: number }[]).map(({ functionName, invocations }) => [functionName, invocations]));
  };

  beforeAll(async () => {
    used = await teamWithFunction();
    expect((await api.operator.put(`${used.path}/functions/g`, { ...SOURCE, placement: { regions: ['west'] } })).status).toBe(202);
    await eventually(async () => expect(isServing(await west.find(used, 'g'))).toBe(true), { withinMs: 40_000 });
    for (const [site, name, address] of [[east, 'f', here], [west, 'g', there]] as const) {
      const runtime = await runs(site, used, name, address);
      ending.push(() => runtime.stop());
    }
    // Two of them, as they run side by side; the first shares a process with the worker.
    const other = await startApi({ FNPLANE_CLUSTER_NAME: 'east', FNPLANE_POD_NETWORK: 'direct', FNPLANE_METER_INTERVAL_MS: '200' }, api);
    for (const { config, plane } of [api, other]) {
      const meter = new MeterRole(config, plane, own, undefined);
      meter.start();
      ending.unshift(() => meter.stop());
    }
    ending.push(() => other.stop());
  }, 90_000);
  afterAll(async () => {
    west.cluster.thaw();
    for (const end of ending) await end();
  }, 60_000);

  it('of functions on a registered cluster is booked once, as that of the platform\'s own, whoever reads it', async () => {
    await Promise.all([call(here, 7), call(there, 5)]);
    await eventually(async () => expect(await booked()).toEqual({ f: 7, g: 5 }), { withinMs: 30_000 });
    await Promise.all([call(here, 1), call(there, 2)]);
    await eventually(async () => expect(await booked()).toEqual({ f: 8, g: 7 }), { withinMs: 30_000 });
    const { body } = await api.operator.get(`${used.path}/usage/records`);
    expect([...new Set((body.items as { functionName: string; cluster: string }[]).map(({ functionName, cluster }) => `${functionName} ${cluster}`))].sort()).toEqual(['f east', 'g west']);
  });

  it('of one cluster is booked while another one hangs, and what was counted there once it answers', async () => {
    west.cluster.freeze();
    await Promise.all([call(here, 4), call(there, 3)]);
    await eventually(async () => expect(await booked()).toEqual({ f: 12, g: 7 }), { withinMs: 15_000 });
    west.cluster.thaw();
    await eventually(async () => expect(await booked()).toEqual({ f: 12, g: 10 }), { withinMs: 20_000 });
  });
});

describe('a cluster that is cut off in mid-work', () => {
  let struck: Team;
  beforeAll(async () => {
    struck = await teamWithFunction();
    await ask(struck, { regions: ['west'] });
    await arrives(struck, ['west active']);
    // On its way back: the walls stand on the other cluster when the one it leaves falls silent.
    await ask(struck, { regions: ['east'] });
    await eventually(async () => expect(await places(struck)).toContain('east pending'), { withinMs: 10_000, everyMs: 20 });
    west.cluster.freeze();
  }, 120_000);

  it('keeps a tenant from nothing that goes elsewhere', async () => {
    await Promise.all(Array.from({ length: 12 }, () => team('west')));
    const elsewhere = await team('east');
    await eventually(async () => expect(await tenantReady(elsewhere)).toBe('True'), { withinMs: 15_000 });
    expect((await api.operator.put(`${elsewhere.path}/functions/f`, SOURCE)).status).toBe(202);
    await eventually(async () => expect(await status(elsewhere)).toMatchObject({ Ready: 'True' }), { withinMs: 30_000 });
  });

  it('is left once everything is ready elsewhere, and what is there waits for it', async () => {
    await silentForLong('west');
    await eventually(async () => expect(await places(struck)).toEqual(['east active', 'west orphaned']), { withinMs: 60_000 });
    expect([isServing(await east.find(struck)), await tenantReady(struck)]).toEqual([true, 'True']);
    expect((await api.operator.get(`${struck.path}/placement`)).body.effective.clusters).toEqual(['east']);
  });

  it('takes changes on the other cluster meanwhile', async () => {
    expect((await api.operator.patch(`${struck.path}/functions/f`, { labels: { mark: 'later' }, scaling: { min: 2, max: 3 } })).status).toBe(202);
    await eventually(async () => expect((await east.find(struck))?.spec.scaling.min).toBe(2), { withinMs: 20_000 });
    await eventually(async () => expect(await status(struck)).toMatchObject({ Ready: 'True' }), { withinMs: 20_000 });
  });

  it('is cleaned up when it comes back', async () => {
    west.cluster.thaw();
    await eventually(async () => expect([await places(struck), await west.isClean(struck)]).toEqual([['east active'], true]), { withinMs: 90_000 });
    expect(isServing(await east.find(struck))).toBe(true);
  });
});
