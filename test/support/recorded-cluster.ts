import { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import { systemContext, tenantJobContext } from '../../src/platform/context/context.js';
import { FakeApiServer } from '../../src/platform/kubernetes/testing/fake-api-server.js';
import { tenantNamespace } from '../../src/contract/names.js';
import { ClusterRegistry } from '../../src/domains/clusters/cluster-registry.js';
import { PlacementChooser } from '../../src/domains/clusters/placement-chooser.js';
import { FunctionWatch } from '../../src/domains/functions/cluster/function.watch.js';
import { ReconcileFunctionJob } from '../../src/domains/functions/jobs/reconcile-function.job.js';
import type { TenantFacts } from '../../src/domains/tenants/tenant-participants.js';
import { randomName, startApi, type TestApi } from './api.js';

/** An API beside a recorded cluster: what is kept there is what was sent, and nothing runs. Jobs run when a test says so. */
export class RecordedCluster {
  private constructor(readonly api: TestApi, readonly server: FakeApiServer, private readonly client: KubernetesClient) {}

  static async start(): Promise<RecordedCluster> {
    const api = await startApi();
    const server = new FakeApiServer();
    await server.start();
    const client = new KubernetesClient({ cluster: 'recorded', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true } });
    const started = new RecordedCluster(api, server, client);
    const { id } = await api.plane.app.get(ClusterRegistry, { strict: false }).register(client);
    started.watch.start(id, 'recorded', client);
    await started.watch.synced(id);
    return started;
  }

  async stop(): Promise<void> {
    await this.api.stop();
    await this.client.close();
    await this.server.stop();
  }

  get watch(): FunctionWatch {
    return this.api.plane.app.get(FunctionWatch, { strict: false });
  }

  /** A tenant whose namespace is there, as the worker would have made it. */
  async tenant(): Promise<{ tenant: TenantFacts; namespace: string }> {
    const tenant = (await this.api.operator.post('/v1/tenants', { name: randomName('t') })).body as TenantFacts;
    await this.api.plane.app.get(PlacementChooser, { strict: false }).placeFirst(tenantJobContext('spec', tenant));
    await this.rows(`UPDATE placement SET namespace_uid = 'ns', observed_generation = 1 WHERE tenant_id = $1`, [tenant.id]);
    return { tenant, namespace: tenantNamespace(tenant.id) };
  }

  /** Runs the job that tells the cluster what a function shall be. */
  reconcile(tenantId: string, functionId: string): Promise<unknown> {
    return this.api.plane.app.get(ReconcileFunctionJob, { strict: false }).handle(`${tenantId}/${functionId}`, new AbortController().signal);
  }

  rows<T>(sql: string, values: unknown[] = []): Promise<T[]> {
    return this.api.plane.database.transaction(systemContext('spec'), (manager) => manager.query<T[]>(sql, values));
  }
}
