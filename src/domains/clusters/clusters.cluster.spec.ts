import { randomBytes } from 'node:crypto';
import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.js';
import { testEnvironment, randomName } from '../../../test/support/api.js';
import { createTestDatabase, type TestDatabase } from '../../../test/support/postgres.js';
import { testIssuer } from '../../../test/support/tokens.js';
import { readAccessList } from '../../gateway/auth/access-list.policy.js';
import { accessListName, FIELD_MANAGER, LABEL, SYSTEM_NAMESPACE, tenantNamespace } from '../../contract/names.js';
import { loadConfig, type Config } from '../../platform/config/config.js';
import { systemContext, tenantJobContext, type SystemContext, type TenantContext } from '../../platform/context/context.js';
import { PERMISSIONS } from '../../platform/auth/permissions.js';
import { Database } from '../../platform/database/database.js';
import { JobRunner } from '../../platform/jobs/job-runner.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import { requestsTotal } from '../../platform/kubernetes/kubernetes-metrics.js';
import type { KubernetesObject, Namespace, NetworkPolicy, Secret } from '../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../platform/kubernetes/resource-type.js';
import { PlatformModule } from '../../platform/platform.module.js';
import { AccessModule } from '../access/access.module.js';
import { ApiKeysService } from '../access/api-keys.service.js';
import { MembersService } from '../access/members.service.js';
import { TenantJob } from '../tenants/jobs/tenant.job.js';
import { QuotaAdmission, type QuotaLimits } from '../tenants/quota-admission.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { TenantsService } from '../tenants/tenants.service.js';
import { PlacementWatch } from './cluster/placement.watch.js';
import { ClusterRegistry } from './cluster-registry.js';
import { ClustersModule } from './clusters.module.js';
import { ClustersService } from './clusters.service.js';
import { ClusterHeartbeatJob } from './jobs/cluster-heartbeat.job.js';
import { DEFAULT_DENY, EGRESS_INTERNET } from './manifests/network-policies.js';
import type { RoleBinding } from './manifests/identities.js';
import { BOUNDS, type LimitRange, type ResourceQuota } from './manifests/resource-bounds.js';
import { PlacementsService } from './placements.service.js';

/** Quotas are a domain further right: here they are what the test says. */
class SetLimits extends QuotaAdmission {
  limits: QuotaLimits = {
    functions: 5, revisionsKept: 5, cpuMillis: 2_000, memoryMb: 2_048, ephemeralStorageMb: 4_096, pods: 10, secrets: 10, configSets: 10, codeMb: 128,
    invocationsPerSecond: 50, invocationsPerMinute: 3_000, concurrentInvocations: 20, functionMemoryMb: 512, functionCpuMillis: 500, timeoutSeconds: 60, monthlySpend: null,
  };
  override reserve(): Promise<void> { return Promise.resolve(); }
  override release(): Promise<void> { return Promise.resolve(); }
  override effective(): Promise<QuotaLimits> { return Promise.resolve(this.limits); }
}

const quota = new SetLimits();

@Global()
@Module({ providers: [{ provide: QuotaAdmission, useValue: quota }], exports: [QuotaAdmission] })
class QuotaStandIn {}

interface PlacedTestTenant {
  id: string;
  name: string;
  namespace: string;
  context: TenantContext;
}

describe('placement on a cluster', () => {
  let testDatabase: TestDatabase;
  let config: Config;
  let database: Database;
  let app: INestApplicationContext;
  let client: KubernetesClient;
  let intruder: KubernetesClient;
  let runner: JobRunner;
  let watch: PlacementWatch;
  let clusterId: string;
  const tenants: PlacedTestTenant[] = [];
  const founder: SystemContext = { scope: 'system', requestId: 'test', principal: { kind: 'user', key: 'user:test', issuer: testIssuer().issuer, subject: 'founder', platformRoles: ['operator'] } };

  beforeAll(async () => {
    const kubeconfig = process.env.KUBECONFIG;
    if (!kubeconfig) throw new Error('KUBECONFIG must name the test cluster');
    testDatabase = await createTestDatabase();
    config = loadConfig(testEnvironment(testDatabase.url, { FNPLANE_CLUSTER_NAME: 'placement-test', FNPLANE_BLOCKED_EGRESS: '203.0.113.0/24' }));
    database = new Database({ url: testDatabase.url, poolSize: 10 });
    await database.open();
    @Module({ imports: [PlatformModule.forProcess(config, database), QuotaStandIn, TenantsModule, AccessModule, ClustersModule] })
    class TestModule {}
    app = await NestFactory.createApplicationContext(TestModule, { logger: false, abortOnError: false });
    // What the platform does is counted apart from what the tests do behind its back.
    client = new KubernetesClient({ cluster: 'placement-test', source: { kind: 'file', path: kubeconfig } });
    intruder = new KubernetesClient({ cluster: 'intruder', source: { kind: 'file', path: kubeconfig } });
    runner = buildRunner();
    watch = app.get(PlacementWatch, { strict: false });
  });

  afterAll(async () => {
    runner = buildRunner();
    runner.start();
    await Promise.all(tenants.map((tenant) => app.get(TenantsService, { strict: false }).delete(tenant.context, undefined).catch(() => undefined)));
    await Promise.all(tenants.map((tenant) => gone(tenant).catch(() => undefined)));
    await watch.stop();
    await runner.stop(5_000);
    await app.close();
    await database.close();
    await Promise.all([client.close(), intruder.close()]);
    await testDatabase.drop();
  });

  function buildRunner(): JobRunner {
    return new JobRunner(database, testDatabase.url, [app.get(TenantJob, { strict: false }), app.get(ClusterHeartbeatJob, { strict: false })]);
  }

  async function tenant(): Promise<PlacedTestTenant> {
    const made = await app.get(TenantsService, { strict: false }).create(founder, { name: randomName('placed') });
    const { id, name } = made.tenant;
    const context = { ...tenantJobContext('test', { id, name }), permissions: new Set(PERMISSIONS) };
    const placed = { id, name, namespace: tenantNamespace(id), context };
    tenants.push(placed);
    return placed;
  }

  async function condition(placed: PlacedTestTenant): Promise<{ status: string; reason: string; message: string }> {
    const row = await app.get(TenantsService, { strict: false }).get(placed.context);
    return row.conditions.find((candidate) => candidate.type === 'Ready')!;
  }

  async function ready(placed: PlacedTestTenant): Promise<void> {
    await eventually(async () => {
      const row = await app.get(TenantsService, { strict: false }).get(placed.context);
      expect([row.conditions[0], row.observedGeneration]).toMatchObject([{ status: 'True' }, row.generation]);
    }, { withinMs: 20_000 });
  }

  async function readyTenant(): Promise<PlacedTestTenant> {
    const placed = await tenant();
    await ready(placed);
    return placed;
  }

  async function gone(placed: PlacedTestTenant): Promise<void> {
    await eventually(async () => {
      expect(await intruder.find(RESOURCE.namespace, { name: placed.namespace })).toBeNull();
      await expect(app.get(TenantsService, { strict: false }).get(placed.context)).rejects.toMatchObject({ code: 'TENANT_NOT_FOUND' });
    }, { withinMs: 60_000 });
  }

  /** The platform's calls that change something, by verb and resource, since the last time it was asked. */
  let counted: Record<string, number> = {};
  async function calls(): Promise<Record<string, number>> {
    const now: Record<string, number> = {};
    for (const { labels, value } of (await requestsTotal.get()).values) {
      const { cluster, verb, resource } = labels as Record<string, string>;
      if (cluster !== 'placement-test' || ['watch', 'list'].includes(verb!) || resource === 'raw') continue;
      now[`${verb} ${resource}`] = (now[`${verb} ${resource}`] ?? 0) + value;
    }
    const difference = Object.fromEntries(Object.entries(now).map(([key, value]) => [key, value - (counted[key] ?? 0)] as const).filter(([, value]) => value > 0));
    counted = now;
    return difference;
  }

  const get = <T extends KubernetesObject>(type: ResourceType, placed: PlacedTestTenant, name: string): Promise<T> => intruder.get<T>(type, { namespace: placed.namespace, name });

  async function accessList(placed: PlacedTestTenant) {
    return readAccessList(await intruder.get<Secret>(RESOURCE.secret, { namespace: SYSTEM_NAMESPACE, name: accessListName(placed.id) }))!;
  }

  it('says so while there is no cluster', async () => {
    runner.start();
    const placed = await tenant();
    await eventually(async () => expect(await condition(placed)).toMatchObject({ status: 'False', reason: 'NoCluster' }), { withinMs: 10_000 });
  });

  it('begins once a cluster is registered, whose heartbeat tells its version', async () => {
    const [first, second] = await Promise.all([app.get(ClusterRegistry).register(client), app.get(ClusterRegistry).register(client)]);
    expect(first.id).toBe(second.id);
    clusterId = first.id;
    watch.start(clusterId, client);
    await ready(tenants[0]!);
    await eventually(async () => expect(await app.get(ClustersService).get(systemContext('test'), 'placement-test')).toMatchObject({ kubernetes: expect.stringMatching(/^v1\./), message: null }), { withinMs: 10_000 });
    expect(app.get(ClustersService).clientFor(clusterId)).toBe(client);
    expect(() => app.get(ClustersService).clientFor(tenants[0]!.id)).toThrow(expect.objectContaining({ code: 'CLUSTER_NOT_CONNECTED' }));
    await eventually(async () => expect(watch.isSynced).toBe(true), { withinMs: 10_000 });
  });

  it('makes everything a tenant needs, with one call an object, and nothing when nothing changed', async () => {
    await calls();
    const placed = await readyTenant();
    // In a new namespace nothing can be there yet: objects are created, which costs the API server less than an apply.
    expect(await calls()).toEqual({
      'create namespaces': 1, 'create networkpolicies': 3, 'create resourcequotas': 1, 'create limitranges': 1, 'create serviceaccounts': 1, 'create rolebindings': 1, 'create secrets': 1,
    });
    const namespace = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
    expect(namespace.metadata.labels).toMatchObject({ [LABEL.tenant]: placed.id, 'pod-security.kubernetes.io/enforce': 'restricted' });
    const [row] = await app.get(PlacementsService).list(placed.context);
    expect(row).toEqual({ clusterId, clusterName: 'placement-test', namespace: placed.namespace, namespaceUid: namespace.metadata.uid, state: 'active', wantedBy: 'tenant' });
    const internet = await get<NetworkPolicy>(RESOURCE.networkPolicy, placed, EGRESS_INTERNET);
    expect(internet.spec!.egress![0]!.to!.map((peer) => peer.ipBlock!.cidr)).toEqual(['0.0.0.0/0', '2000::/3']);
    expect(internet.spec!.egress![0]!.to![0]!.ipBlock!.except).toContain('203.0.113.0/24');
    expect(await accessList(placed)).toMatchObject({ tenantId: placed.id, tenant: placed.name, keys: [], members: [{ subject: 'founder' }], rateLimit: { perSecond: 50, burst: 50 }, invocations: { concurrent: 20, perMinute: 3_000 } });
    const before = await rowVersion(placed);
    for (let round = 0; round < 3; round += 1) await app.get(TenantJob, { strict: false }).handle(placed.id);
    expect(await calls()).toEqual({});
    expect(await rowVersion(placed)).toBe(before);
  });

  async function rowVersion(placed: PlacedTestTenant): Promise<string> {
    const rows = await database.transaction(systemContext('test'), (manager) => manager.query<{ version: string }[]>('SELECT xmin::text AS version FROM placement WHERE tenant_id = $1', [placed.id]));
    return rows[0]!.version;
  }

  it('applies only what a change concerns', async () => {
    const placed = await readyTenant();
    await calls();
    const key = await app.get(ApiKeysService, { strict: false }).create(placed.context, { name: 'ci', role: 'developer' });
    await eventually(async () => expect((await accessList(placed)).keys).toMatchObject([{ id: key.apiKey.prefix, hash: key.apiKey.hash }]), { withinMs: 5_000 });
    await app.get(MembersService, { strict: false }).add(placed.context, { issuer: testIssuer().issuer, subject: 'reader', role: 'viewer' });
    await app.get(ApiKeysService, { strict: false }).revoke(placed.context, 'ci');
    await eventually(async () => expect((await accessList(placed)).keys).toEqual([]), { withinMs: 5_000 });
    expect(Object.keys(await calls())).toEqual(['apply secrets']);
    const before = quota.limits;
    quota.limits = { ...before, pods: 20 };
    try {
      await app.get(TenantJob, { strict: false }).handle(placed.id);
      expect((await get<ResourceQuota>(RESOURCE.resourceQuota, placed, BOUNDS)).spec.hard.pods).toBe('40');
      expect(await calls()).toEqual({ 'apply resourcequotas': 1 });
    } finally {
      quota.limits = before;
    }
  });

  it('follows limits down and up within ten seconds: the wall, the sizes of containers, and what gateways admit', async () => {
    const placed = await readyTenant();
    const before = quota.limits;
    const tenants = app.get(TenantsService, { strict: false });
    const seen = async (): Promise<unknown> => {
      const [{ spec: { hard } }, { spec: { limits: [container] } }, { rateLimit, invocations }] = await Promise.all([
        get<ResourceQuota>(RESOURCE.resourceQuota, placed, BOUNDS), get<LimitRange>(RESOURCE.limitRange, placed, BOUNDS), accessList(placed),
      ]);
      return { pods: hard.pods, cpu: hard['limits.cpu'], memory: container!.max.memory, perSecond: rateLimit.perSecond, invocations };
    };
    try {
      for (const [limits, expected] of [
        [{ ...before, pods: 1, cpuMillis: 500, functionMemoryMb: 128, invocationsPerSecond: 5, invocationsPerMinute: 60, concurrentInvocations: 2 }, { pods: '2', cpu: '1', memory: '128Mi', perSecond: 5, invocations: { concurrent: 2, perMinute: 60 } }],
        [{ ...before, pods: 30, cpuMillis: 6_000, functionMemoryMb: 1_024, invocationsPerSecond: 500, invocationsPerMinute: 9_000, concurrentInvocations: 300 }, { pods: '60', cpu: '12', memory: '1Gi', perSecond: 500, invocations: { concurrent: 300, perMinute: 9_000 } }],
      ] as const) {
        quota.limits = limits;
        await tenants.requestReconcile(placed.context);
        await eventually(async () => expect(await seen()).toEqual(expected), { withinMs: 10_000 });
      }
    } finally {
      quota.limits = before;
      await tenants.requestReconcile(placed.context);
    }
  });

  it('tells the gateways within ten seconds that a month has cost what it may, and that it has not any more', async () => {
    const placed = await readyTenant();
    const tenants = app.get(TenantsService, { strict: false });
    await tenants.setSpending(placed.context, { month: '2026-11', limit: '1.00', spent: '1.01', currency: 'EUR', at: new Date().toISOString() });
    await eventually(async () => expect((await accessList(placed)).spendLimitReached).toBe(true), { withinMs: 10_000 });
    await tenants.setSpending(placed.context, null);
    await eventually(async () => expect(await accessList(placed)).not.toHaveProperty('spendLimitReached'), { withinMs: 10_000 });
  });

  it('serves several processes at once', async () => {
    const placed = await readyTenant();
    const others = await Promise.all(Array.from({ length: 4 }, () => app.get(TenantJob, { strict: false }).handle(placed.id)));
    expect(others).toHaveLength(4);
    expect(await condition(placed)).toMatchObject({ status: 'True' });
  });

  describe('tampering is put right within ten seconds', () => {
    let placed: PlacedTestTenant;
    beforeAll(async () => {
      placed = await readyTenant();
    });

    it('a policy that was deleted', async () => {
      const before = await get<NetworkPolicy>(RESOURCE.networkPolicy, placed, DEFAULT_DENY);
      await intruder.delete(RESOURCE.networkPolicy, before.metadata as { name: string });
      await eventually(async () => expect((await get<NetworkPolicy>(RESOURCE.networkPolicy, placed, DEFAULT_DENY)).metadata.uid).not.toBe(before.metadata.uid), { withinMs: 10_000 });
    });

    it('a rule that was added where the platform has none', async () => {
      await intruder.patch(RESOURCE.networkPolicy, { namespace: placed.namespace, name: DEFAULT_DENY }, { spec: { ingress: [{}] } });
      await eventually(async () => expect((await get<NetworkPolicy>(RESOURCE.networkPolicy, placed, DEFAULT_DENY)).spec!.ingress ?? []).toEqual([]), { withinMs: 10_000 });
    });

    it('a quota that was raised', async () => {
      await intruder.patch(RESOURCE.resourceQuota, { namespace: placed.namespace, name: BOUNDS }, { spec: { hard: { pods: '9999' } } });
      await eventually(async () => expect((await get<ResourceQuota>(RESOURCE.resourceQuota, placed, BOUNDS)).spec.hard.pods).toBe('20'), { withinMs: 10_000 });
    });

    it.each([
      ['another tenant\'s label', { [LABEL.tenant]: '00000000-0000-4000-8000-000000000000' }],
      ['no label at all', { [LABEL.tenant]: null, [LABEL.managedBy]: null }],
      ['weaker pod security', { 'pod-security.kubernetes.io/enforce': 'privileged' }],
      ['the data path\'s label', { [LABEL.dataPath]: 'true' }],
    ])('a namespace that was given %s', async (_, labels) => {
      const before = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
      await intruder.patch(RESOURCE.namespace, { name: placed.namespace }, { metadata: { labels: { ...labels, team: 'blue' } } });
      await eventually(async () => {
        const now = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
        expect(now.metadata.uid).toBe(before.metadata.uid);
        expect(now.metadata.labels).toEqual({ ...before.metadata.labels, team: 'blue' });
      }, { withinMs: 10_000 });
    });

    it('a binding that was turned to another role', async () => {
      const ref = { namespace: placed.namespace, name: 'fnplane-operator' };
      const { metadata } = await intruder.get<RoleBinding>(RESOURCE.roleBinding, ref);
      await intruder.delete(RESOURCE.roleBinding, ref);
      const turned = { metadata: { ...ref, labels: metadata.labels }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' }, subjects: [] };
      await intruder.create(RESOURCE.roleBinding, turned).catch(() => undefined);
      await eventually(async () => expect((await intruder.get<RoleBinding>(RESOURCE.roleBinding, ref)).roleRef.name).toBe('fnplane-operator-namespaced'), { withinMs: 10_000 });
    });

    it('an access list that was replaced', async () => {
      const ref = { namespace: SYSTEM_NAMESPACE, name: accessListName(placed.id) };
      await intruder.patch(RESOURCE.secret, ref, { data: { 'access.json': Buffer.from('{}').toString('base64'), more: 'eA==' } });
      await eventually(async () => expect(Object.keys((await intruder.get<Secret>(RESOURCE.secret, ref)).data!)).toEqual(['access.json']), { withinMs: 10_000 });
      expect((await accessList(placed)).tenantId).toBe(placed.id);
    });

    it('a namespace that was deleted: made anew, with everything in it', async () => {
      const before = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
      await intruder.delete(RESOURCE.namespace, { name: placed.namespace });
      await eventually(async () => {
        const now = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
        expect(now.metadata.uid).not.toBe(before.metadata.uid);
        await get<NetworkPolicy>(RESOURCE.networkPolicy, placed, DEFAULT_DENY);
        expect((await app.get(PlacementsService).list(placed.context))[0]!.namespaceUid).toBe(now.metadata.uid);
      }, { withinMs: 40_000 });
    });

    it('and then there is peace', async () => {
      await eventually(async () => {
        await calls();
        await app.get(TenantJob, { strict: false }).handle(placed.id);
        expect(await calls()).toEqual({});
      }, { withinMs: 15_000, everyMs: 1_500 });
    });
  });

  it('notices at the start of a watch what was changed while nobody watched', async () => {
    const placed = await readyTenant();
    await watch.stop();
    await intruder.delete(RESOURCE.networkPolicy, { namespace: placed.namespace, name: EGRESS_INTERNET });
    watch.start(clusterId, client);
    await eventually(() => get(RESOURCE.networkPolicy, placed, EGRESS_INTERNET), { withinMs: 10_000 });
  });

  it('is taken away until nothing is left, and says what it waits for', async () => {
    const placed = await readyTenant();
    const held = { name: `held-${randomBytes(3).toString('hex')}`, namespace: placed.namespace };
    await intruder.apply(RESOURCE.configMap, { metadata: { ...held, finalizers: ['tests.fnplane.dev/hold'] } }, { fieldManager: FIELD_MANAGER.worker });
    await app.get(TenantsService, { strict: false }).delete(placed.context, undefined);
    await eventually(async () => {
      expect(await condition(placed)).toMatchObject({ reason: 'Deleting', message: expect.stringContaining('tests.fnplane.dev/hold') });
    }, { withinMs: 30_000 });
    expect(await intruder.find(RESOURCE.secret, { namespace: SYSTEM_NAMESPACE, name: accessListName(placed.id) })).toBeNull();
    await intruder.patch(RESOURCE.configMap, held, { metadata: { finalizers: null } });
    await gone(placed);
    const rows = await database.transaction(systemContext('test'), (manager) => manager.query('SELECT 1 FROM placement WHERE tenant_id = $1', [placed.id]));
    expect(rows).toEqual([]);
  });

  describe('with the jobs run one by one', () => {
    beforeAll(() => runner.stop(5_000));

    it('never touches a namespace of its name that it did not make', async () => {
      const placed = await tenant();
      await intruder.create(RESOURCE.namespace, { metadata: { name: placed.namespace, labels: { precious: 'yes' } } });
      try {
        const outcome = await app.get(TenantJob, { strict: false }).handle(placed.id);
        expect(outcome).toEqual({ again: 'after', delayMs: 30_000 });
        expect(await condition(placed)).toMatchObject({ status: 'False', reason: 'NamespaceNotOurs', message: expect.stringContaining('did not make') });
        const now = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
        expect(now.metadata.labels).toEqual({ 'kubernetes.io/metadata.name': placed.namespace, precious: 'yes' });
        await app.get(TenantsService, { strict: false }).delete(placed.context, undefined);
        await app.get(TenantJob, { strict: false }).handle(placed.id);
        expect((await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace })).metadata.deletionTimestamp).toBeUndefined();
      } finally {
        await intruder.delete(RESOURCE.namespace, { name: placed.namespace });
      }
    });

    it('takes up a namespace it made before it crashed, and one of another UID never', async () => {
      const placed = await tenant();
      await app.get(TenantJob, { strict: false }).handle(placed.id);
      const made = await intruder.get<Namespace>(RESOURCE.namespace, { name: placed.namespace });
      await database.transaction(systemContext('test'), (manager) => manager.query(`UPDATE placement SET namespace_uid = NULL, applied = '{}', verified_at = NULL, observed_generation = 0 WHERE tenant_id = $1`, [placed.id]));
      await app.get(TenantJob, { strict: false }).handle(placed.id);
      expect((await app.get(PlacementsService).list(placed.context))[0]!.namespaceUid).toBe(made.metadata.uid);
      await database.transaction(systemContext('test'), (manager) => manager.query(`UPDATE placement SET namespace_uid = gen_random_uuid()::text, verified_at = NULL WHERE tenant_id = $1`, [placed.id]));
      await app.get(TenantJob, { strict: false }).handle(placed.id);
      expect(await condition(placed)).toMatchObject({ reason: 'NamespaceNotOurs' });
      await database.transaction(systemContext('test'), (manager) => manager.query(`UPDATE placement SET namespace_uid = $2 WHERE tenant_id = $1`, [placed.id, made.metadata.uid]));
    });

    it('waits, in words without addresses, while the cluster cannot be reached', async () => {
      const away = new KubernetesClient({ cluster: 'away', source: { kind: 'inline', kubeconfig: unreachable() } });
      try {
        const cluster = await app.get(ClusterRegistry).register(away);
        await database.transaction(systemContext('test'), (manager) => manager.query(`UPDATE cluster SET state = 'cordoned' WHERE id = $1`, [clusterId]));
        const placed = await tenant();
        await app.get(TenantJob, { strict: false }).handle(placed.id);
        const { reason, message } = await condition(placed);
        expect(reason).toBe('ClusterUnreachable');
        expect(message).toContain('away');
        expect(message).not.toMatch(/127\.0\.0\.1|ECONNREFUSED/);
        await app.get(ClusterHeartbeatJob, { strict: false }).handle(cluster.id, AbortSignal.timeout(10_000));
        expect(await app.get(ClustersService).get(systemContext('test'), 'away')).toMatchObject({ kubernetes: null, message: expect.stringContaining('cannot be reached') });
        await database.transaction(systemContext('test'), async (manager) => {
          await manager.query('DELETE FROM placement WHERE tenant_id = $1', [placed.id]);
          await manager.query(`UPDATE cluster SET state = 'active' WHERE id = $1`, [clusterId]);
        });
      } finally {
        await away.close();
      }
    });
  });
});

function unreachable(): string {
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }], users: [{ name: 'u', user: { token: 'x' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }], 'current-context': 'x',
  });
}
