import type { BareCluster, ClusterObject } from '../harness/bare-cluster.ts';
import { median } from '../harness/result.ts';

/** What can be seen on the cluster on the way to Ready, in this order. */
const STEPS = ['Function there', 'Deployment there', 'pod there', 'pod scheduled', 'container runs', 'pod ready', 'Deployment available', 'Function Ready'] as const;
type Step = (typeof STEPS)[number];

interface Run {
  kind: string;
  startedAt: number;
  seenAt: Map<Step, number>;
}

/** Watches a namespace to tell where the time between a request and Ready goes. */
export class Milestones {
  readonly #runs = new Map<string, Run>();
  readonly #stop = new AbortController();

  static async watch(cluster: BareCluster, namespace: string): Promise<Milestones> {
    const milestones = new Milestones();
    const { signal } = milestones.#stop;
    await cluster.watch(`/apis/fnplane.dev/v1/namespaces/${namespace}/functions`, signal, (fn) => milestones.#seenFunction(fn));
    await cluster.watch(`/apis/apps/v1/namespaces/${namespace}/deployments`, signal, (deployment) => milestones.#seenDeployment(deployment));
    await cluster.watch(`/api/v1/namespaces/${namespace}/pods`, signal, (pod) => milestones.#seenPod(pod));
    return milestones;
  }

  /** From now on objects named after `name` are looked at. */
  begin(name: string, kind: string, startedAt: number): void {
    this.#runs.set(name, { kind, startedAt, seenAt: new Map() });
  }

  end(): void {
    this.#stop.abort();
  }

  /** A line for each kind: when each step was seen, in the median, in ms after the request. */
  describe(): string[] {
    const kinds = [...new Set([...this.#runs.values()].map(({ kind }) => kind))];
    return kinds.map((kind) => {
      const runs = [...this.#runs.values()].filter((run) => run.kind === kind);
      const steps = STEPS.flatMap((step) => {
        const times = runs.flatMap(({ seenAt, startedAt }) => (seenAt.has(step) ? [seenAt.get(step)! - startedAt] : []));
        return times.length === 0 ? [] : [`${step} ${Math.round(median(times))}`];
      });
      return `${kind}, ms after the request: ${steps.join(', ')}`;
    });
  }

  #note(name: string, step: Step, reached: boolean): void {
    const run = this.#runs.get(name);
    if (run && reached && !run.seenAt.has(step)) run.seenAt.set(step, performance.now());
  }

  #seenFunction(fn: ClusterObject): void {
    this.#note(fn.metadata.name, 'Function there', true);
    this.#note(fn.metadata.name, 'Function Ready', holds(fn, 'Ready'));
  }

  #seenDeployment(deployment: ClusterObject): void {
    const name = withoutRevision(deployment.metadata.name);
    this.#note(name, 'Deployment there', true);
    this.#note(name, 'Deployment available', deployment.status?.availableReplicas >= 1);
  }

  #seenPod(pod: ClusterObject): void {
    // Deployments add a hash for the ReplicaSet and one for the pod.
    const name = withoutRevision(pod.metadata.name.replace(/-[a-z0-9]+-[a-z0-9]+$/, ''));
    this.#note(name, 'pod there', true);
    this.#note(name, 'pod scheduled', holds(pod, 'PodScheduled'));
    this.#note(name, 'container runs', Boolean(pod.status?.containerStatuses?.[0]?.state?.running));
    this.#note(name, 'pod ready', holds(pod, 'Ready'));
  }
}

function withoutRevision(name: string): string {
  return name.replace(/-r\d{5}$/, '');
}

function holds(object: ClusterObject, type: string): boolean {
  return Boolean((object.status?.conditions as { type: string; status: string }[] | undefined)?.some((condition) => condition.type === type && condition.status === 'True'));
}
