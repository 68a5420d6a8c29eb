import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SecondCluster } from '../../deploy/local/cluster/second.ts';
import { randomName, startApi, type TestApi } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import type { Condition, FunctionResource } from '../../src/contract/function-resource.js';
import { tenantNamespace } from '../../src/contract/names.js';
import { systemContext } from '../../src/platform/context/context.js';
import { findCondition } from '../../src/platform/kubernetes/conditions.js';
import { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
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
  async find({ namespace }: Team): Promise<FunctionResource | undefined> {
    return (await this.client.find<FunctionResource>(RESOURCE.function, { namespace, name: 'f' })) ?? undefined;
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
  api = await startApi({ FNPLANE_CLUSTER_NAME: 'east', FNPLANE_CLUSTER_REGION: 'east' });
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
async function arrives(of: Team, expected: string[]): Promise<void> {
  let done = false;
  const gaps: string[] = [];
  const watch = (async () => {
    while (!done) {
      const [here, there] = await Promise.all([east.find(of), west.find(of)]);
      if (!isServing(here) && !isServing(there)) gaps.push(`east ${JSON.stringify(here?.status?.conditions)}, west ${JSON.stringify(there?.status?.conditions)}`);
    }
  })();
  await eventually(async () => expect(await places(of)).toEqual(expected), { withinMs: 60_000 }).finally(() => { done = true; });
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
