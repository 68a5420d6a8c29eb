import type { FunctionResource, FunctionSpec } from '../../../contract/function-resource.js';
import { LABEL } from '../../../contract/names.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { buildStatus } from '../function-status.plan.js';
import { planFunction, type FunctionPlan, type PlanContext } from '../function.plan.js';
import { selectedRevision } from '../manifests/service.js';
import { revisionOf, type ObservedFunction } from '../observed-function.js';
import { carriedOut, functionOf, NOTHING, NOW, podOf } from './observed.js';

/** A cluster in memory for tables: plans are carried out, statuses written, and Deployments get the pods they ask for. */
export class SmallWorld {
  fn: FunctionResource;
  observed: ObservedFunction = NOTHING;
  now = NOW;
  context: PlanContext = {};
  /** Ready pods that a revision gets at most; all it asks for unless it is named here. */
  readonly readyAtMost = new Map<number, number>();

  constructor(spec: Partial<FunctionSpec>) {
    this.fn = functionOf(spec);
  }

  deploy(spec: Partial<FunctionSpec>): void {
    this.fn = { ...this.fn, spec: { ...this.fn.spec, ...spec } };
  }

  /** One reconcile. */
  reconcile(): FunctionPlan {
    const plan = planFunction(this.fn, this.observed, this.now, this.context);
    this.observed = carriedOut(plan, this.observed);
    this.fn = { ...this.fn, status: buildStatus({ fn: this.fn, plan, failure: undefined, now: this.now }) };
    this.observed = { ...this.observed, pods: this.startPods() };
    return plan;
  }

  /** Reconciles until nothing is left to do but to wait. Returns what it did. */
  settle(): string[] {
    const done: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      const before = JSON.stringify([this.fn.status, this.observed]);
      const plan = this.reconcile();
      done.push(...plan.applies.map(({ type, manifest }) => `apply ${type.kind} ${manifest.metadata.name}`), ...plan.removals.map(({ type, name }) => `remove ${type.kind} ${name}`));
      if (JSON.stringify([this.fn.status, this.observed]) === before) return done;
    }
    throw new Error(`it never settles: ${done.join(', ')}`);
  }

  /** Lets the time pass that the plan waits for. */
  wait(): number {
    const { againAfterMs } = planFunction(this.fn, this.observed, this.now, this.context);
    if (againAfterMs === undefined) throw new Error('it waits for nothing');
    this.now += againAfterMs;
    return againAfterMs;
  }

  /** `main 1, own 1 2, traffic 1:80 2:20, pods 1:2 2:1` */
  get short(): string {
    const traffic = this.fn.status?.traffic ?? (this.fn.status?.servingRevision === undefined ? [] : [{ revision: this.fn.status.servingRevision, percent: 100, tag: undefined }]);
    const shares = traffic.map(({ revision, percent, tag }) => `${revision}:${percent}${tag ? `#${tag}` : ''}`).join(' ');
    const own = this.observed.revisionServices.map(revisionOf).sort((a, b) => a - b).join(' ');
    const pods = this.observed.deployments.map((item) => `${revisionOf(item)}:${item.spec?.replicas}`).sort().join(' ');
    return `main ${selectedRevision(this.observed.service)}, own ${own || '-'}, traffic ${shares || '-'}, pods ${pods || '-'}`;
  }

  condition(type: 'Ready' | 'Reconciling' | 'Serving' = 'Ready'): string {
    const found = this.fn.status?.conditions?.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  }

  private startPods(): Pod[] {
    return this.observed.deployments.flatMap((deployment) => {
      const number = revisionOf(deployment);
      const wanted = deployment.spec?.replicas ?? 0;
      const readyCount = Math.min(wanted, this.readyAtMost.get(number) ?? wanted);
      const hash = deployment.spec?.template.metadata?.annotations ?? {};
      return Array.from({ length: wanted }, (_, index) => {
        const pod = podOf(this.fn, number, { ready: index < readyCount, suffix: String(index), createdAt: NOW });
        return { ...pod, metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [LABEL.function]: 'shop' }, annotations: hash } };
      });
    });
  }
}
