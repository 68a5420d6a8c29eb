import type { FunctionResource } from '../../../contract/function-resource.js';
import { LABEL } from '../../../contract/names.js';
import { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { OperatorRole } from '../../../roles/operator.role.js';
import { actAsOperator, removeOperatorIdentity } from './operator-identity.js';
import { pushProbeImage } from './probe-image.js';
import { TestTenant, until } from './test-tenant.js';

const REGISTRY = process.env.FNPLANE_REGISTRY ?? '127.0.0.1:5010';

/** A tenant on the test cluster, with an operator of its own that has no more rights than an installation gives it. */
export class TestOperator {
  private operator: OperatorRole | undefined;

  private constructor(readonly client: KubernetesClient, private readonly operatorClient: KubernetesClient, readonly tenant: TestTenant, readonly image: string) {}

  static async start(): Promise<TestOperator> {
    const path = process.env.KUBECONFIG;
    if (!path) throw new Error('KUBECONFIG must name the test cluster');
    const client = new KubernetesClient({ cluster: 'test', source: { kind: 'file', path } });
    const image = await pushProbeImage(REGISTRY);
    const tenant = new TestTenant(client);
    await tenant.create();
    const started = new TestOperator(client, await actAsOperator(client, path, `test-${tenant.id}`), tenant, image);
    await started.begin();
    return started;
  }

  /** Starts an operator and waits until it leads. */
  async begin(): Promise<void> {
    const operator = this.another();
    this.operator = operator;
    operator.start();
    await until(async () => operator.readiness.detail === 'leader', 30_000, () => operator.readiness.detail);
  }

  /** One more for the same lease, not started; its requests are counted with those of the first. */
  another(): OperatorRole {
    return new OperatorRole({ client: this.operatorClient, namespace: this.tenant.namespace, leaseName: `test-${this.tenant.id}` });
  }

  async end(): Promise<void> {
    await this.operator?.stop();
    this.operator = undefined;
  }

  async remove(): Promise<void> {
    await this.end();
    await this.client.delete(RESOURCE.lease, { namespace: 'fnplane-system', name: `test-${this.tenant.id}` });
    await removeOperatorIdentity(this.client, `test-${this.tenant.id}`);
    await this.tenant.remove();
    await Promise.all([this.client.close(), this.operatorClient.close()]);
  }

  async pods(functionId: string, revision?: number): Promise<Pod[]> {
    const labelSelector = `${LABEL.functionId}=${functionId}${revision === undefined ? '' : `,${LABEL.revision}=${revision}`}`;
    return (await this.client.list<Pod>(RESOURCE.pod, { namespace: this.tenant.namespace, labelSelector })).items;
  }

  /** What a ready pod answers. One that is being ended is still called ready for a moment, and does not listen any more. */
  async ask(functionId: string, path = '/'): Promise<Record<string, string>> {
    const pod = (await this.pods(functionId)).find(({ metadata, status }) => metadata.deletionTimestamp === undefined && status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'));
    return (await (await fetch(`http://${pod?.status?.podIP}:8080${path}`, { signal: AbortSignal.timeout(3_000) })).json()) as Record<string, string>;
  }
}

export function condition(fn: FunctionResource, type = 'Ready') {
  return fn.status?.conditions?.find((candidate) => candidate.type === type);
}

/** Whether the operator has seen the present spec, and says so. */
export function isReady(fn: FunctionResource): boolean {
  return condition(fn)?.status === 'True' && fn.status?.observedGeneration === fn.metadata.generation;
}

/** `1:80 2:20#next` */
export function trafficOf(fn: FunctionResource): string {
  const { traffic, servingRevision } = fn.status ?? {};
  const shares = traffic ?? (servingRevision === undefined ? [] : [{ revision: servingRevision, percent: 100, tag: undefined }]);
  return shares.map(({ revision, percent, tag }) => `${revision}:${percent}${tag ? `#${tag}` : ''}`).join(' ');
}
