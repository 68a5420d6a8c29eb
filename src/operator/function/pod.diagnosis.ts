import type { ConditionReason, RevisionSpec } from '../../contract/function-resource.js';
import { FUNCTION_CONTAINER } from '../../contract/names.js';
import type { Deployment, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { exitWords, imagePullCause, isUsageRecord, refusalOf, schedulingCause, startErrorCause, tailOfLog } from './failure-text.js';
import { isReady } from './observed-function.js';

/** A pod that runs or is being made for so long without being ready is reported, though it is given more time. */
export const NOT_READY_AFTER_MS = 20_000;
/** A pod may wait for a place for so long: others are often just leaving. */
export const UNSCHEDULED_AFTER_MS = 4_000;

/** What to fetch to complete the message: a container's log, or what Kubernetes noted about a pod. */
export interface Evidence {
  kind: 'log' | 'events';
  pod: string;
  podUid: string;
  /** The log of the container's life before the present one. */
  previous: boolean;
  /** Which life of the container it is about: the evidence need not be fetched again for the same. */
  restarts: number;
}

export interface Diagnosis {
  reason: ConditionReason;
  /** Complete but for the evidence. */
  message: string;
  /** Log lines that are known already. */
  log?: string;
  evidence?: Evidence;
}

export interface DiagnosisInput {
  revision: RevisionSpec;
  deployment: Deployment | undefined;
  /** Of the present template, none that is being deleted. */
  pods: readonly Pod[];
  /** Whether this revision ever received traffic: a crash then is no failed start. */
  served: boolean;
  now: number;
}

export interface DiagnosisResult {
  failure: Diagnosis | undefined;
  /** When to look again, although nothing changes. */
  againAfterMs: number | undefined;
}

/**
 * Why a revision has too few ready pods, from the first failure on: nobody waits for the back-off to grow. Undefined while
 * all may still turn out well. Pure.
 */
export function diagnose(input: DiagnosisInput): DiagnosisResult {
  const waits: number[] = [];
  for (const check of [containerFailure, refusal, unschedulable, notReadyInTime]) {
    const found = check(input, waits);
    if (found) return { failure: found, againAfterMs: undefined };
  }
  return { failure: undefined, againAfterMs: waits.length > 0 ? Math.min(...waits) : undefined };
}

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number];
type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

const PULL_REASONS = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError', 'RegistryUnavailable']);

export function functionContainer(pod: Pod): ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find((status) => status.name === FUNCTION_CONTAINER);
}

function containerFailure(input: DiagnosisInput): Diagnosis | undefined {
  for (const pod of input.pods) {
    if (isReady(pod)) continue;
    const status = functionContainer(pod);
    const found = (status && (waitingFailure(status, input.revision) ?? crash(pod, status, input))) ?? podFailure(pod);
    if (found) return found;
  }
  return undefined;
}

function waitingFailure(status: ContainerStatus, revision: RevisionSpec): Diagnosis | undefined {
  const { reason, message = '' } = status.state?.waiting ?? {};
  if (reason === undefined) return undefined;
  if (PULL_REASONS.has(reason)) {
    return { reason: 'ImagePullFailed', message: `The image ${revision.image} cannot be pulled: ${imagePullCause(message || reason)}. It is tried again by itself.` };
  }
  if (reason === 'CreateContainerConfigError') {
    const missing = /(configmap|secret) "[^"]+" not found|couldn't find key/i.test(message);
    return missing
      ? { reason: 'ConfigurationMissing', message: `The function's configuration is not there: ${tailOfLog(message).slice(0, 300)}.` }
      : { reason: 'StartupFailed', message: `The container cannot be made: ${tailOfLog(message).slice(0, 500)}.` };
  }
  if (reason === 'CreateContainerError' || reason === 'RunContainerError') {
    return { reason: 'StartupFailed', message: `The container cannot be started: ${startErrorCause(message)}.` };
  }
  return undefined;
}

/** The container's last end: the present one, or the one before where it has been started again already. */
function crash(pod: Pod, status: ContainerStatus, input: DiagnosisInput): Diagnosis | undefined {
  const ended = status.state?.terminated ?? status.lastState?.terminated;
  if (!ended) return undefined;
  const diagnosis = crashWords(ended, input);
  if (ended.reason === 'StartError' || ended.reason === 'ContainerCannotRun') return diagnosis;
  const said = ended.message ?? '';
  if (said !== '' && !isUsageRecord(said)) return { ...diagnosis, log: tailOfLog(said) };
  const evidence: Evidence = {
    kind: 'log', pod: pod.metadata.name, podUid: pod.metadata.uid ?? '', previous: status.state?.terminated === undefined, restarts: status.restartCount,
  };
  return { ...diagnosis, evidence };
}

function crashWords(ended: Terminated, { revision, served }: DiagnosisInput): Diagnosis {
  if (ended.reason === 'OOMKilled') {
    const message = `The function needed more than its ${revision.resources.memoryMb} MiB of memory and was ended. Give it more memory, or let it use less.`;
    return { reason: 'OutOfMemory', message };
  }
  if (ended.reason === 'StartError' || ended.reason === 'ContainerCannotRun') {
    return { reason: 'StartupFailed', message: `The container cannot be started: ${startErrorCause(ended.message ?? '')}.` };
  }
  const how = exitWords(ended.exitCode, ended.signal);
  return served
    ? { reason: 'CrashLooping', message: `The function's process ${how}; it is started again with growing pauses.` }
    : { reason: 'StartupFailed', message: `The function's process ${how} before it was ready.` };
}

/** Pods the kubelet turned away or evicted: they have no container that failed. */
function podFailure(pod: Pod): Diagnosis | undefined {
  if (pod.status?.phase !== 'Failed') return undefined;
  const { reason = '', message = '' } = pod.status;
  const words = tailOfLog(message).slice(0, 300);
  if (/^OutOf|NodeAffinity|UnexpectedAdmission/.test(reason)) return { reason: 'Unschedulable', message: `The node turned the pod away: ${words || reason}.` };
  return { reason: 'StartupFailed', message: `The pod was ended by its node: ${words || reason || 'no cause was given'}.` };
}

function refusal({ deployment, pods }: DiagnosisInput): Diagnosis | undefined {
  const failure = deployment?.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure' && condition.status === 'True');
  // The condition outlives its cause by a moment: with all pods there, nothing is refused.
  if (!failure || pods.length >= (deployment?.spec?.replicas ?? 1)) return undefined;
  return refusalOf(failure.message ?? '');
}

function unschedulable({ pods, now, revision }: DiagnosisInput, waits: number[]): Diagnosis | undefined {
  for (const pod of pods) {
    const scheduled = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') continue;
    const left = Date.parse(pod.metadata.creationTimestamp ?? '') + UNSCHEDULED_AFTER_MS - now;
    if (left > 0) {
      waits.push(left);
      continue;
    }
    const { cpuMillis, memoryMb } = revision.resources;
    const message = `No node of the cluster has room for a pod with ${cpuMillis}m CPU and ${memoryMb} MiB (${schedulingCause(scheduled.message ?? '')}). It is placed as soon as there is room.`;
    return { reason: 'Unschedulable', message };
  }
  return undefined;
}

function notReadyInTime({ pods, now }: DiagnosisInput, waits: number[]): Diagnosis | undefined {
  for (const pod of pods) {
    if (isReady(pod)) continue;
    const status = functionContainer(pod);
    const startedAt = status?.state?.running?.startedAt;
    const since = Date.parse((startedAt ? lastReadyChange(pod, startedAt) : pod.metadata.creationTimestamp) ?? '');
    const left = since + NOT_READY_AFTER_MS - now;
    if (left > 0 || Number.isNaN(left)) {
      if (left > 0) waits.push(left);
      continue;
    }
    return notReady(pod, startedAt !== undefined, status?.restartCount ?? 0);
  }
  return undefined;
}

function notReady(pod: Pod, running: boolean, restarts: number): Diagnosis {
  const base = { pod: pod.metadata.name, podUid: pod.metadata.uid ?? '', previous: false, restarts };
  const seconds = NOT_READY_AFTER_MS / 1_000;
  return running
    ? { reason: 'NotReadyInTime', message: `The function runs, but GET /healthz has not answered 200 for ${seconds} s. It is waited for.`, evidence: { kind: 'log', ...base } }
    : { reason: 'NotReadyInTime', message: `The pod has not been started for ${seconds} s. It is waited for.`, evidence: { kind: 'events', ...base } };
}

/** A pod that was ready once counts from when it ceased to be. */
function lastReadyChange(pod: Pod, startedAt: string): string {
  const changed = pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.lastTransitionTime;
  return changed !== undefined && changed > startedAt ? changed : startedAt;
}

/** A pod whose volume names what is not there only says so in its events. */
const MISSING_VOLUME = /(?:configmap|secret) "[^"]+" not found/i;

/** Reason and message in final words. `found` is the log or the note that was fetched, if any. */
export function completeDiagnosis(diagnosis: Diagnosis, found: string | undefined): { reason: ConditionReason; message: string } {
  const missing = diagnosis.evidence?.kind === 'events' ? MISSING_VOLUME.exec(found ?? '')?.[0] : undefined;
  if (missing !== undefined) return { reason: 'ConfigurationMissing', message: `The function's configuration is not there: ${missing}.` };
  return { reason: diagnosis.reason, message: completeMessage(diagnosis, found) };
}

/** The condition's message with the evidence. */
export function completeMessage(diagnosis: Diagnosis, found: string | undefined): string {
  const log = diagnosis.log ?? (diagnosis.evidence?.kind === 'log' && found ? tailOfLog(found) : '');
  if (log) return `${diagnosis.message} Last lines of the log:\n${log}`;
  if (diagnosis.evidence?.kind === 'events' && found) return `${diagnosis.message} Kubernetes says: ${tailOfLog(found).slice(0, 500)}`;
  return diagnosis.message;
}
