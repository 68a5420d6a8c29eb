import { rolloutOf, trafficOf, type FunctionResource, type RolloutSpec, type RolloutStatus } from '../../contract/function-resource.js';
import { argoRevision, type ArgoRollout, type ArgoStatus } from './manifests/argo-rollout.js';
import { besideWords, completed, dueWeight, pauseWords, waiting, without, type Forward, type RolloutInput, type Step, type Underway } from './rollout.policy.js';

/** What stands of a function that Argo Rollouts steps. */
export interface ArgoView {
  rollout: ArgoRollout | undefined;
  /** Ready pods of a revision that Argo Rollouts made. */
  hosted(revision: number): number;
  /** Whose pods carry this template hash; undefined while there are none. */
  revisionOf(hash: string): number | undefined;
}

/** Whether Argo Rollouts shall step it. Shares that name revisions are the operator's to keep: a `Rollout` has two revisions at most. */
export function isSteppedByArgo({ spec }: FunctionResource): boolean {
  return rolloutOf(spec).engine === 'argo' && trafficOf(spec).every(({ revision }) => revision === undefined);
}

/** Takes over where Argo Rollouts stands: a step counts once it has been passed, which it is when its pods are there. */
export function forwardByArgo(view: ArgoView): Forward {
  return (input, spec, status, due) => {
    const { rollout } = view;
    // Nothing of it runs, or nothing of it any more: it begins anew.
    if (!rollout || argoRevision(rollout) !== status.revision) return waiting({ ...without(status, 'stepStartedAt'), step: 0, weight: 0 }, due);
    const argo = observedStatus(rollout);
    if (!argo) return { stays: status, due };
    if (argo.abort && isOfAttempt(input.fn, view, argo, status)) return { status: { ...status, phase: 'aborted', weight: 0, message: `Ended in Argo Rollouts: revision ${status.stable} has the requests.` } };
    if (isPromoted(argo)) return view.revisionOf(argo.stableRS ?? '') === status.revision && view.hosted(status.revision) > 0 ? { status: completed(spec, status) } : { stays: status, due };
    return stepOfArgo(input, spec, status, rollout.spec.replicas ?? 1, argo);
  };
}

function stepOfArgo({ pods, now }: RolloutInput, spec: RolloutSpec, status: Underway, replicas: number, argo: ArgoStatus): Step {
  const steps = spec.strategy === 'canary' ? spec.steps ?? [] : [];
  const step = Math.min(argo.currentStepIndex ?? 0, steps.length);
  const passed = steps.slice(0, step).findLast(({ setWeight }) => setWeight !== undefined)?.setWeight ?? 0;
  const borne = passed <= status.weight || pods.ready(status.revision) >= Math.max(1, Math.ceil((replicas * passed) / 100));
  const weight = borne ? passed : status.weight;
  const began = (step === status.step ? status.stepStartedAt : undefined) ?? new Date(now).toISOString();
  const at: Underway = { ...without(status, 'message'), stable: status.stable, step, weight, stepStartedAt: began };
  const due = borne ? dueWeight(spec, at) : passed;
  const [pause] = argo.pauseConditions ?? [];
  if (argo.phase === 'Degraded' && !argo.abort) return { stays: { ...at, phase: 'waiting', message: `Argo Rollouts: ${argo.message ?? 'degraded'}` }, due };
  if (!pause || !borne) return due > weight ? waiting(at, due) : { stays: { ...at, phase: 'stepping' }, due };
  const message = spec.strategy === 'blue-green' ? besideWords(spec, at) : pauseWords(spec, step);
  return { stays: { ...at, phase: 'paused', stepStartedAt: pause.startTime, message }, due };
}

/**
 * What its owner's words and the operator's verdict change in the Rollout's status, as Argo's own command does it.
 * @param status where the rollout stands by now
 * @returns undefined where it stands there already
 */
export function steerArgo(fn: FunctionResource, { rollout }: Pick<ArgoView, 'rollout'>, status: RolloutStatus | undefined): Partial<ArgoStatus> | undefined {
  const argo = observedStatus(rollout);
  if (!rollout || !argo || !status || !argo.stableRS || isPromoted(argo)) return undefined;
  const [revision, onTarget] = [argoRevision(rollout), argoRevision(rollout) === status.revision];
  if (!onTarget && revision !== status.stable) return undefined;
  if (onTarget && status.phase === 'aborted') return argo.abort ? undefined : { abort: true };
  // All at once: what is gone back to, what nobody answered before, and another configuration of what serves already.
  const atOnce = !onTarget || status.stable === undefined || status.phase === 'completed' || rolloutOf(fn.spec).promoted === true;
  if (atOnce) return argo.promoteFull ? undefined : { promoteFull: true };
  // Of an earlier attempt, or of an earlier target.
  if (argo.abort) return { abort: false };
  const resumed = (rolloutOf(fn.spec).resumedStep ?? 0) > (argo.currentStepIndex ?? 0);
  return resumed && (argo.pauseConditions ?? []).length > 0 ? { pauseConditions: null } : undefined;
}

/** Whether another template would be a step away from `good` and not the first one. */
export function isPromotable(view: ArgoView, good: number): boolean {
  return Boolean(observedStatus(view.rollout)?.stableRS) && view.hosted(good) > 0;
}

/** Whether Argo holds the Rollout's template for good. */
export function isSettledByArgo({ rollout }: Pick<ArgoView, 'rollout'>): boolean {
  const argo = observedStatus(rollout);
  return argo !== undefined && isPromoted(argo);
}

/** Its status, as far as it speaks of the present spec. */
export function observedStatus(rollout: ArgoRollout | undefined): ArgoStatus | undefined {
  return rollout?.status && rollout.status.observedGeneration === String(rollout.metadata.generation) ? rollout.status : undefined;
}

function isPromoted({ stableRS, currentPodHash }: ArgoStatus): boolean {
  return stableRS === currentPodHash;
}

/** Not of an earlier attempt, nor of what was the target before: Argo may speak of the new spec before it has looked at its template. */
function isOfAttempt({ status }: FunctionResource, view: ArgoView, { currentPodHash = '', abortedAt }: ArgoStatus, { revision, attempt, stepStartedAt }: Underway): boolean {
  if (status?.rollout?.revision !== revision || status.rollout.attempt !== attempt) return false;
  return view.revisionOf(currentPodHash) === revision || (abortedAt !== undefined && stepStartedAt !== undefined && Date.parse(abortedAt) > Date.parse(stepStartedAt));
}
