import type { Condition, ConditionReason, ConditionStatus, ConditionType, FunctionResource, FunctionStatus, RevisionSpec, RevisionStatus, TrafficShare } from '../../contract/function-resource.js';
import { setCondition } from '../../platform/kubernetes/conditions.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import { heldWords, podWords, progressWords, servingWords } from '../rollout/rollout-words.js';
import { isUnderway } from '../rollout/rollout.policy.js';
import { differs, SCALING_ACTIVE } from '../scaling/scaling-report.policy.js';
import { specOf, type FunctionPlan } from './function.plan.js';

/** Why the target is not ready, in final words. */
export interface Failure {
  reason: ConditionReason;
  message: string;
}

export interface StatusInput {
  fn: FunctionResource;
  plan: FunctionPlan;
  failure: Failure | undefined;
  now: number;
}

interface Verdict {
  status: ConditionStatus;
  reason: ConditionReason;
  message: string;
}

/** As many as the resource's schema keeps. */
const MOST_REVISIONS = 16;

/** The Function's whole new status. Pure. */
export function buildStatus(input: StatusInput): FunctionStatus {
  const { fn, plan } = input;
  const serving = plan.servingState;
  const { rollout, scale } = plan.release;
  const traffic = trafficStatus(plan.release.traffic);
  const revisions = plan.states.map(({ number, wanted, ready }): RevisionStatus => ({ number, replicas: wanted, readyReplicas: ready })).sort((a, b) => a.number - b.number);
  const conditions = buildConditions(input);
  return {
    ...(fn.metadata.generation === undefined ? {} : { observedGeneration: fn.metadata.generation }),
    observedPlatformGeneration: fn.spec.platformGeneration,
    ...(plan.serving === undefined ? {} : { servingRevision: plan.serving }),
    replicas: (serving ?? plan.target).wanted,
    readyReplicas: serving?.ready ?? 0,
    ...(traffic ? { traffic } : {}),
    revisions: revisions.slice(-MOST_REVISIONS),
    ...(rollout ? { rollout } : {}),
    ...(scale.since === undefined ? {} : { scale: { active: scale.active, since: scale.since, ...toldMetric(input) } }),
    ...(conditions ? { conditions } : {}),
  };
}

function buildConditions(input: StatusInput): Condition[] | undefined {
  const { fn, plan } = input;
  const ready = readyVerdict(input);
  const verdicts: [ConditionType, Verdict][] = [['Ready', ready], ['Reconciling', reconcilingVerdict(input, ready)], ['Serving', servingVerdict(input)]];
  const at = new Date(input.now).toISOString().replace(/\.\d+Z$/, 'Z');
  const { followed, verdict } = plan.release.scale.report;
  if (verdict) verdicts.push([SCALING_ACTIVE, verdict]);
  let conditions: Condition[] | undefined = followed ? fn.status?.conditions : fn.status?.conditions?.filter(({ type }) => type !== SCALING_ACTIVE);
  for (const [type, verdict] of verdicts) {
    conditions = setCondition<Condition>(conditions, { type, ...verdict, observedGeneration: fn.metadata.generation }, at);
  }
  return conditions;
}

/** What was told before stays as long as what is known now says much the same. */
function toldMetric({ fn, plan }: StatusInput): { current?: number } {
  const { followed, current } = plan.release.scale.report;
  if (!followed) return {};
  const told = fn.status?.scale?.current;
  const next = differs(told, current) ? current : told;
  return next === undefined ? {} : { current: next };
}

/** Absent where the serving revision has all, which goes without saying. */
function trafficStatus(traffic: TrafficShare[]): TrafficShare[] | undefined {
  return traffic.length > 1 || traffic.some(({ tag }) => tag !== undefined) ? traffic : undefined;
}

/** The merge patch's body, or undefined when nothing changed. A field that went is null in it. */
export function statusPatch(before: FunctionStatus | undefined, after: FunctionStatus): object | undefined {
  if (canonicalJson(before ?? {}) === canonicalJson(after)) return undefined;
  return replacing({ ...before }, { ...after });
}

/** A merge patch that leaves exactly `after`, fields inside of fields included. */
function replacing(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const gone = Object.keys(before).filter((key) => !(key in after));
  const kept = Object.entries(after).map(([key, value]) => [key, isRecord(value) && isRecord(before[key]) ? replacing(before[key], value) : value]);
  return { ...Object.fromEntries(kept), ...Object.fromEntries(gone.map((key) => [key, null])) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readyVerdict(input: StatusInput): Verdict {
  const { fn, plan, failure } = input;
  const suspended = suspensionWords(fn);
  if (suspended) return { status: 'False', reason: 'Suspended', message: suspended };
  const missing = missingWords(specOf(fn, plan.target.number));
  if (failure) return { status: 'False', reason: failure.reason, message: `${failure.message}${missing}${keepsServing(plan)}` };
  if (plan.settled) return settledVerdict(plan, missing);
  const { reason, message, keeps } = pendingWords(plan);
  return { status: 'False', reason, message: `${message}${missing}${keeps ? keepsServing(plan) : ''}` };
}

function settledVerdict({ serving, target, release }: FunctionPlan, missing: string): Verdict {
  if (!release.scale.active) return { status: 'True', reason: 'Idle', message: `Revision ${serving ?? target.number} is stopped while no requests come; the next one starts it.${missing}` };
  if (serving === target.number) return { status: 'True', reason: 'Ready', message: `Revision ${serving} serves; ${podWords(target.currentReady, target.needed)} ready.${missing}` };
  return { status: 'True', reason: 'Ready', message: `The requests go as the rules of the traffic say. ${servingWords(release.traffic, serving ?? target.number)}${missing}` };
}

/** Why not all is as it shall be, although nothing failed. */
function pendingWords({ serving, target, release }: FunctionPlan): { reason: ConditionReason; message: string; keeps: boolean } {
  const { rollout, held, scale, due } = release;
  const waits = held.length > 0 ? `\n${heldWords(held, serving)}` : '';
  if (rollout?.phase === 'aborted') {
    const words = rollout.weight > 0 ? ` ${progressWords(rollout, due, target)}` : '';
    return { reason: 'RolloutAborted', message: `The rollout of revision ${rollout.revision} was ended. ${rollout.message ?? ''}${words}${waits}`, keeps: false };
  }
  if (!scale.active) {
    const message = rollout?.message ?? 'The function is idle: no pods run. What was asked for takes effect with the next request.';
    return { reason: 'Idle', message: `${message}${waits}${serving === undefined ? '' : `\nRevision ${serving} keeps the requests and is started by the next one.`}`, keeps: false };
  }
  if (isUnderway(rollout) && rollout.phase === 'paused') {
    return { reason: 'RolloutPaused', message: `${rollout.message ?? 'Paused.'} ${progressWords(rollout, due, target)}${waits}`, keeps: false };
  }
  if (isUnderway(rollout) && (rollout.weight > 0 || due < 100)) return { reason: 'RollingOut', message: `${progressWords(rollout, due, target)}${waits}`, keeps: true };
  if (rollout?.phase === 'completed' && held.length > 0) return { reason: 'RollingOut', message: heldWords(held, serving), keeps: false };
  if (rollout === undefined) return { reason: 'RollingOut', message: heldWords(held, serving) || startWords(target), keeps: false };
  return { reason: 'Deploying', message: `${startWords(target)}${waits}`, keeps: true };
}

function startWords({ number, currentReady, needed }: FunctionPlan['target']): string {
  return `Revision ${number} is being started; ${podWords(currentReady, needed)} ready.`;
}

function reconcilingVerdict({ fn, plan, failure }: StatusInput, ready: Verdict): Verdict {
  if (failure) return { status: 'True', reason: 'RetryingAfterError', message: 'The target revision is tried further; a new deploy may replace it.' };
  if (plan.settled || fn.spec.suspension === 'compute') return { status: 'False', reason: 'Settled', message: 'Nothing is left to do.' };
  const { rollout, held } = plan.release;
  if (rollout?.phase === 'aborted' && rollout.weight === 0 && held.length === 0) {
    return { status: 'False', reason: 'RolloutAborted', message: 'Nothing is left to do: a new deploy or another attempt goes on.' };
  }
  return { status: 'True', reason: ready.reason === 'Suspended' ? 'Deploying' : ready.reason, message: ready.message };
}

function servingVerdict({ fn, plan, failure }: StatusInput): Verdict {
  const suspended = suspensionWords(fn);
  if (suspended) return { status: 'False', reason: 'Suspended', message: suspended };
  if (plan.serving === undefined) return { status: 'False', reason: 'NoRevision', message: 'No revision has been ready yet.' };
  if (plan.servingState && plan.servingState.ready > 0) return { status: 'True', reason: 'Ready', message: servingWords(plan.release.traffic, plan.serving) };
  if (!plan.release.scale.active) return { status: 'True', reason: 'Idle', message: `Revision ${plan.serving} is started by the next request.` };
  const reason = plan.serving === fn.spec.target && failure ? failure.reason : 'Deploying';
  return { status: 'False', reason, message: `No pod of revision ${plan.serving} is ready.` };
}

function suspensionWords(fn: FunctionResource): string | undefined {
  if (fn.spec.suspension === 'compute') return 'The function is suspended: it has no pods and requests are refused.';
  if (fn.spec.suspension === 'ingress') return 'The function is suspended: requests are refused, its pods are kept.';
  return undefined;
}

function keepsServing(plan: FunctionPlan): string {
  const serving = plan.servingState;
  return plan.serving !== undefined && plan.serving !== plan.target.number && serving && serving.ready > 0 ? `\nRevision ${plan.serving} keeps serving.` : '';
}

/** A value that went from a secret is often why a function fails, and never shows in its log as that. */
function missingWords({ number, missingValues = [] }: RevisionSpec): string {
  return missingValues.map((missing) => {
    const [secret, key] = missing.split('/');
    const [gone, had] = key === undefined ? ['values', 'some'] : [key, 'one'];
    return `\nThe secret ${secret} has no ${gone} any more; it had ${had} when revision ${number} was deployed.`;
  }).join('');
}
