import { CLAIMED_AT, type PoolReason, type PoolRuntimeStatus, type WarmPoolResource, type WarmPoolStatus } from '../../contract/pool-resource.js';
import { setCondition } from '../../platform/kubernetes/conditions.js';
import { canonicalJson } from '../../platform/kubernetes/drift.js';
import type { Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { DEMAND_WINDOW_MS } from './demand.policy.js';
import { runtimeOf, stateOf, type ObservedPool, type PoolPlan } from './pool.plan.js';

/** While nothing else changes, time that pods wait is written so often. */
export const IDLE_STEP_MS = 300_000;

/** What a pool is to say of itself. Pure. */
export function buildPoolStatus(pool: WarmPoolResource, { runtimes }: Pick<PoolPlan, 'runtimes'>, observed: Pick<ObservedPool, 'pods' | 'claimsOf' | 'refusalOf'>, now: number): WarmPoolStatus {
  const before = pool.status ?? {};
  const since = Date.parse(before.idleCountedAt ?? '');
  const all = runtimes.map((summary): PoolRuntimeStatus => {
    const { runtime } = summary;
    const told = before.runtimes?.find((one) => one.runtime === runtime);
    const refused = observed.refusalOf(runtime);
    const refusal = refused?.quota ? { at: refused.at, message: refused.message.slice(0, 4_096) } : told?.refusal;
    return {
      ...summary, claims: observed.claimsOf(runtime).filter((at) => at > now - DEMAND_WINDOW_MS).length,
      idleMs: (told?.idleMs ?? 0) + waitedMs(observed.pods.filter((pod) => runtimeOf(pod) === runtime), Number.isNaN(since) ? 0 : since, now), ...(refusal ? { refusal } : {}),
    };
  });
  const at = new Date(now).toISOString();
  const observedGeneration = pool.metadata.generation;
  const conditions = setCondition(before.conditions, { type: 'Ready', ...readiness(all, observed), ...(observedGeneration === undefined ? {} : { observedGeneration }) }, at);
  return { observedGeneration, runtimes: all, idleCountedAt: at, conditions };
}

/** Whether a status is worth a write: time that passes alone is so every few minutes. Pure. */
export function isNews(before: WarmPoolStatus | undefined, next: WarmPoolStatus): boolean {
  if (canonicalJson(withoutTime(before)) !== canonicalJson(withoutTime(next))) return true;
  const idle = (status: WarmPoolStatus | undefined): number => (status?.runtimes ?? []).reduce((sum, { idleMs = 0 }) => sum + idleMs, 0);
  return idle(next) > idle(before) && Date.parse(next.idleCountedAt ?? '') - Date.parse(before?.idleCountedAt ?? '') >= IDLE_STEP_MS;
}

function readiness(runtimes: readonly PoolRuntimeStatus[], { refusalOf }: Pick<ObservedPool, 'refusalOf'>): { status: 'True' | 'False'; reason: PoolReason; message: string } {
  const lacking = runtimes.filter(({ ready, wanted }) => ready < wanted);
  if (lacking.length === 0) return { status: 'True', reason: 'Filled', message: 'As many pods wait as are wanted.' };
  const worst = lacking.find(({ message }) => message !== undefined);
  const reason = lacking.some(({ runtime }) => refusalOf(runtime)?.quota) ? 'QuotaRefused' : worst ? 'PodsNotReady' : 'Filling';
  return { status: 'False', reason, message: worst?.message ?? `Pods for ${lacking.map(({ runtime }) => runtime).join(' and ')} are being started.` };
}

/** How long pods waited between two moments, from the start of the container of each. */
function waitedMs(pods: readonly Pod[], from: number, to: number): number {
  return pods.reduce((sum, pod) => {
    const { running, terminated } = pod.status?.containerStatuses?.[0]?.state ?? {};
    const started = Date.parse(running?.startedAt ?? terminated?.startedAt ?? '');
    if (Number.isNaN(started)) return sum;
    const claimed = stateOf(pod) === 'waiting' ? to : Date.parse(pod.metadata.annotations?.[CLAIMED_AT] ?? '') || started;
    const ended = Math.min(claimed, Date.parse(terminated?.finishedAt ?? '') || to, to);
    return sum + Math.max(0, ended - Math.max(started, from));
  }, 0);
}

function withoutTime(status: WarmPoolStatus | undefined): object {
  const { idleCountedAt: _, runtimes = [], ...rest } = status ?? {};
  return { ...rest, runtimes: runtimes.map(({ idleMs: __, ...runtime }) => runtime) };
}
