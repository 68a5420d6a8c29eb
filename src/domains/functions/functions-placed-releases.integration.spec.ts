import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestApi } from '../../../test/support/api.js';
import { eventually } from '../../../test/support/eventually.js';
import { RecordedCluster } from '../../../test/support/recorded-cluster.js';
import type { Condition, FunctionResource, FunctionSpec, FunctionStatus } from '../../contract/function-resource.js';
import { tenantJobContext } from '../../platform/context/context.js';
import type { KubernetesObject } from '../../platform/kubernetes/kubernetes-object.js';
import type { FakeApiServer } from '../../platform/kubernetes/testing/fake-api-server.js';
import type { TenantFacts } from '../tenants/tenant-participants.js';
import { FunctionsParticipant } from './functions.participant.js';

const IMAGE = `registry.example/team/app@sha256:${'a'.repeat(64)}`;
const FUNCTIONS = '/apis/fnplane.dev/v1/functions';
const SOON = { withinMs: 5_000, everyMs: 10 };
const inline = (text: string) => ({ runtime: 'python', source: { inline: { 'handler.py': `x = "${text}"` } } });
const CANARY = { rollout: { strategy: 'canary', steps: [{ setWeight: 20 }, { pause: {} }] } };

let recorded: RecordedCluster;
let api: TestApi;
let cluster: FakeApiServer;
let tenant: TenantFacts;
let namespace: string;
let path: string;

beforeAll(async () => {
  recorded = await RecordedCluster.start();
  ({ api, server: cluster } = recorded);
});
afterAll(() => recorded?.stop());
beforeEach(async () => {
  ({ tenant, namespace } = await recorded.tenant());
  path = `/v1/tenants/${tenant.name}/functions/f`;
});

const rows = <T>(sql: string, values: unknown[] = []): Promise<T[]> => recorded.rows<T>(sql, values);

/** What a change leaves on the cluster, built as it were. */
async function placed(body: Record<string, unknown>, build: 'built' | 'failed' = 'built'): Promise<FunctionSpec> {
  expect((await api.operator.put(path, body)).status).toBe(202);
  await rows(`UPDATE revision SET build_state = $2, build_error = 'x', image = CASE WHEN $2 = 'built' THEN $3 END WHERE tenant_id = $1 AND build_state = 'pending'`, [tenant.id, build, IMAGE]);
  return reconciled();
}

async function reconciled(): Promise<FunctionSpec> {
  const [fn] = await rows<{ id: string }>('SELECT id FROM function WHERE tenant_id = $1', [tenant.id]);
  await recorded.reconcile(tenant.id, fn!.id);
  return resource().spec;
}

function resource(): FunctionResource {
  return cluster.find(FUNCTIONS, namespace, 'f') as FunctionResource;
}

/** As its operator would say; taken over once this returns. */
async function tells(status: FunctionStatus): Promise<void> {
  const fn = resource();
  const conditions: Condition[] = [{ type: 'Ready', status: 'True', reason: 'Ready', message: '', lastTransitionTime: new Date().toISOString() }];
  const told = { observedGeneration: 1, observedPlatformGeneration: fn.spec.platformGeneration, conditions, ...status };
  cluster.put(FUNCTIONS, { ...fn, metadata: { ...fn.metadata, generation: 1 }, status: told } as KubernetesObject);
  await eventually(async () => {
    const { body } = await api.operator.get(path);
    expect([body.status.servingRevision, body.status.observedGeneration]).toEqual([status.servingRevision, fn.spec.platformGeneration]);
    if (status.rollout) expect(body.status.rollout).toMatchObject({ phase: status.rollout.phase, step: status.rollout.step });
  }, SOON);
}

const numbers = (spec: FunctionSpec): number[] => spec.revisions.map(({ number }) => number);

async function condition(type: string): Promise<Condition> {
  return ((await api.operator.get(path)).body.status.conditions as Condition[]).find((one) => one.type === type)!;
}

describe('what a cluster is told', () => {
  it('is how many pods run, where requests go, and how the target gets them', async () => {
    const scaling = { min: 0, max: 5, metric: 'requests', target: 100, burst: 3, scaleDownDelaySeconds: 30, idleTimeoutSeconds: 60, maxLifetimeSeconds: 600 };
    expect(await placed({ ...inline('one'), scaling })).toMatchObject({ target: 1, scaling, traffic: [{ percent: 100 }], rollout: { strategy: 'all-at-once', attempt: 1 } });
    await api.operator.patch(path, { ...CANARY, scaling: { min: 1 }, traffic: [{ percent: 100, tag: 'now' }] });
    expect(await reconciled()).toMatchObject({ target: 1, scaling: { min: 1 }, traffic: [{ percent: 100, tag: 'now' }], rollout: { ...CANARY.rollout, attempt: 1 } });
  });

  it('is both revisions of a rollout, the words of its owner, and the target alone in the end', async () => {
    await placed({ ...inline('one'), ...CANARY });
    await tells({ servingRevision: 1, traffic: [{ revision: 1, percent: 100 }] });
    const started = await placed({ ...inline('two'), ...CANARY });
    expect([started.target, numbers(started), started.rollout]).toEqual([2, [1, 2], { ...CANARY.rollout, attempt: 2 }]);
    const rollout = { revision: 2, attempt: 2, phase: 'paused' as const, step: 1, weight: 20, stable: 1 };
    await tells({ servingRevision: 1, traffic: [{ revision: 1, percent: 80 }, { revision: 2, percent: 20 }], rollout });
    await api.operator.post(`${path}/rollout/resume`);
    expect((await reconciled()).rollout).toEqual({ ...CANARY.rollout, attempt: 2, resumedStep: 2 });
    await api.operator.post(`${path}/rollout/promote`);
    expect((await reconciled()).rollout).toEqual({ ...CANARY.rollout, attempt: 2, resumedStep: 2, promoted: true });
    await tells({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }], rollout: { ...rollout, phase: 'completed', step: 2, weight: 100 } });
    expect(numbers(await reconciled())).toEqual([2]);
  });

  it('is all that shares the traffic while one target follows another', async () => {
    await placed({ ...inline('one'), ...CANARY });
    await tells({ servingRevision: 1 });
    await placed({ ...inline('two'), ...CANARY });
    await tells({ servingRevision: 1, traffic: [{ revision: 1, percent: 80 }, { revision: 2, percent: 20 }], rollout: { revision: 2, attempt: 2, phase: 'stepping', step: 1, weight: 20, stable: 1 } });
    expect(numbers(await placed({ ...inline('three'), ...CANARY }))).toEqual([1, 2, 3]);
    await api.operator.post(`${path}/rollback`, {});
    const back = await reconciled();
    expect([back.target, numbers(back), back.rollout]).toEqual([1, [1, 2], { strategy: 'all-at-once', attempt: 4 }]);
  });

  it('is what an abort leaves, and the next try', async () => {
    await placed({ ...inline('one'), ...CANARY });
    await tells({ servingRevision: 1 });
    await placed({ ...inline('two'), ...CANARY });
    await api.operator.post(`${path}/rollout/abort`);
    const aborted = await reconciled();
    expect([aborted.target, numbers(aborted), aborted.rollout]).toEqual([2, [1, 2], { ...CANARY.rollout, attempt: 2, aborted: true }]);
    await api.operator.post(`${path}/rollout/retry`);
    expect((await reconciled()).rollout).toEqual({ ...CANARY.rollout, attempt: 3 });
  });

  it('is who steps it there, as its cluster says; a change is told at the tenant\'s next look', async () => {
    const queued = () => rows(`SELECT key FROM work_item WHERE kind = 'function' AND fair_group = $1`, [tenant.id]);
    const look = async (): Promise<number> => {
      await rows(`DELETE FROM work_item WHERE kind = 'function'`);
      await api.plane.app.get(FunctionsParticipant, { strict: false }).provision(tenantJobContext('spec', tenant), tenant);
      return (await queued()).length;
    };
    expect((await placed({ ...inline('one'), ...CANARY })).rollout).toEqual({ ...CANARY.rollout, attempt: 1 });
    await tells({ servingRevision: 1 });
    expect(await look()).toBe(0);
    await rows(`UPDATE cluster SET rollout_engine = 'argo' WHERE name = 'recorded'`);
    try {
      expect(await look()).toBe(1);
      expect((await reconciled()).rollout).toEqual({ ...CANARY.rollout, attempt: 1, engine: 'argo' });
      expect(await look()).toBe(0);
    } finally {
      await rows(`UPDATE cluster SET rollout_engine = 'operator' WHERE name = 'recorded'`);
    }
  });

  it('is every revision that has a rule, and none that is only pinned', async () => {
    await placed(inline('one'));
    await tells({ servingRevision: 1 });
    await placed(inline('two'));
    await tells({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }] });
    await api.operator.patch(`${path}/revisions/1`, { pinned: true });
    expect(numbers(await reconciled())).toEqual([2]);
    await api.operator.patch(path, { traffic: [{ percent: 100 }, { revision: 1, percent: 0, tag: 'old' }] });
    const tagged = await reconciled();
    expect([numbers(tagged), tagged.traffic]).toEqual([[1, 2], [{ percent: 100 }, { revision: 1, percent: 0, tag: 'old' }]]);
    await tells({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }, { revision: 1, percent: 0, tag: 'old' }] });
    expect(numbers(await reconciled())).toEqual([1, 2]);
  });

  it('is what serves while the target has no image: traffic keeps flowing', async () => {
    await placed({ ...inline('one'), ...CANARY });
    await tells({ servingRevision: 1 });
    const kept = await placed({ ...inline('bad'), ...CANARY }, 'failed');
    expect([kept.target, numbers(kept), kept.rollout]).toEqual([1, [1], { strategy: 'all-at-once', attempt: 2 }]);
    expect(await condition('Ready')).toMatchObject({ status: 'False', reason: 'BuildFailed' });
  });

  it('stays as it is where traffic names what has no image, but a suspension goes through', async () => {
    await placed(inline('one'));
    await tells({ servingRevision: 1 });
    await placed(inline('two'));
    await tells({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }] });
    await api.operator.patch(path, { traffic: [{ percent: 90 }, { revision: 1, percent: 10 }] });
    await rows(`UPDATE revision SET build_state = 'failed', image = NULL WHERE tenant_id = $1 AND number = 1`, [tenant.id]);
    const before = resource().spec;
    expect(await reconciled()).toEqual(before);
    expect(await condition('Ready')).toMatchObject({ status: 'False', reason: 'BuildFailed', message: expect.stringContaining('Revision 1 has a share of the traffic but no image') as string });
    await api.operator.put(`/v1/tenants/${tenant.name}/suspension`, { level: 'compute' });
    expect(await reconciled()).toEqual({ ...before, suspension: 'compute' });
  });

  it('is asked for anew as soon as nothing needs the revision before', async () => {
    await placed(inline('one'));
    await tells({ servingRevision: 1 });
    await placed(inline('two'));
    await rows(`DELETE FROM work_item WHERE kind = 'function' AND fair_group = $1`, [tenant.id]);
    await tells({ servingRevision: 2, traffic: [{ revision: 2, percent: 100 }], rollout: { revision: 2, attempt: 2, phase: 'completed', step: 0, weight: 100, stable: 1 } });
    await eventually(async () => expect(await rows(`SELECT 1 FROM work_item WHERE kind = 'function' AND fair_group = $1`, [tenant.id])).toHaveLength(1), SOON);
  });
});
