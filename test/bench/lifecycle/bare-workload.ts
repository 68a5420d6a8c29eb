import type { FunctionResource } from '../../../src/contract/function-resource.js';
import type { ClusterObject } from '../harness/bare-cluster.ts';
import { compiled } from '../harness/compiled.ts';
import { until } from '../harness/until.ts';
import { FUNCTION_READY_MS, type Stage } from '../stage/stage.ts';

/** The Deployment of a function as the operator would make it, under labels that make no operator look at it: the reference of all starts. */
export class BareWorkload {
  readonly #stage: Stage;
  readonly #name: string;
  readonly #path: string;

  private constructor(stage: Stage, model: string) {
    this.#stage = stage;
    // A Deployment's selector names its model's id, and cannot be changed.
    this.#name = `bare-${model}`;
    this.#path = `/apis/apps/v1/namespaces/${stage.tenant.namespace}/deployments/${this.#name}`;
  }

  /** @param model name of a function whose image and size it has */
  static async make(stage: Stage, model: string): Promise<BareWorkload> {
    const { buildDeployment } = await compiled<typeof import('../../../src/operator/function/manifests/deployment.js')>('operator/function/manifests/deployment.js');
    const fn = (await stage.cluster.get(`/apis/fnplane.dev/v1/namespaces/${stage.tenant.namespace}/functions/${model}`)) as unknown as FunctionResource;
    const built = { apiVersion: 'apps/v1', kind: 'Deployment', ...buildDeployment(fn, fn.spec.revisions[0]!, 0) };
    const made = new BareWorkload(stage, model);
    const manifest = JSON.parse(JSON.stringify(built).replaceAll('"fnplane.dev/', '"bench.fnplane.dev/').replaceAll(`"${model}"`, `"${made.#name}"`)) as ClusterObject & { metadata: { ownerReferences?: unknown } };
    delete manifest.metadata.ownerReferences;
    manifest.metadata.name = made.#name;
    await stage.cluster.apply(made.#path, manifest);
    stage.cleanup.add('the bare workload', () => stage.cluster.delete(made.#path));
    return made;
  }

  /** From nothing to available, in ms; then back to nothing. */
  async start(): Promise<number> {
    const begun = performance.now();
    await this.#scale(1);
    await this.#until('available', (status) => (status?.availableReplicas ?? 0) >= 1);
    const took = performance.now() - begun;
    await this.#scale(0);
    await until('the end of its pod', async () => {
      const pods = await this.#stage.cluster.list(`/api/v1/namespaces/${this.#stage.tenant.namespace}/pods`, `bench.fnplane.dev/function=${this.#name}`);
      return pods.length === 0 ? { found: true } : { seen: `${pods.length} left` };
    }, { withinMs: FUNCTION_READY_MS, everyMs: 100, signal: this.#stage.signal });
    return took;
  }

  async #scale(replicas: number): Promise<void> {
    await this.#stage.cluster.apply(`${this.#path}/scale`, { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: this.#name, namespace: this.#stage.tenant.namespace }, spec: { replicas } });
  }

  async #until(what: string, holds: (status: { availableReplicas?: number } | undefined) => boolean): Promise<void> {
    await until(`${this.#name} ${what}`, async () => {
      const { status } = await this.#stage.cluster.get(this.#path);
      return holds(status as { availableReplicas?: number } | undefined) ? { found: true } : { seen: JSON.stringify(status) };
    }, { withinMs: FUNCTION_READY_MS, everyMs: 20, signal: this.#stage.signal });
  }
}
