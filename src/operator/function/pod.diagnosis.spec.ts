import { describe, expect, test } from 'vitest';
import type { Deployment, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { completeDiagnosis, completeMessage, diagnose, NOT_READY_AFTER_MS, UNSCHEDULED_AFTER_MS, type DiagnosisInput } from './pod.diagnosis.js';
import { functionOf, IMAGE, NOW, podOf, type PodOptions } from './testing/observed.js';
import { revision } from './testing/test-tenant.js';

const pod = (options: PodOptions): Pod => podOf(functionOf(), 1, options);
const at = (ms: number): string => new Date(ms).toISOString();
const run = (pods: Pod[], more: Partial<DiagnosisInput> = {}) => diagnose({ revision: revision(1, IMAGE), deployment: undefined, pods, served: false, now: NOW, ...more });
const waiting = (reason: string, message = ''): Pod => pod({ container: { state: { waiting: { reason, message } } } });
const ended = (exitCode: number, more = {}): PodOptions => ({ container: { restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode, ...more } as never } } });

describe('the container', () => {
  test.each<[string, Pod, string, RegExp]>([
    ['a missing image', waiting('ErrImagePull', `failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": ${IMAGE}: not found`), 'ImagePullFailed', /the registry has no such image/],
    ['a refused image', waiting('ImagePullBackOff', 'Back-off pulling image "x": ErrImagePull: pull access denied, authorization failed'), 'ImagePullFailed', /refuses access/],
    ['a registry out of reach', waiting('ErrImagePull', 'dial tcp 10.0.0.1:443: connect: connection refused'), 'ImagePullFailed', /cannot be reached/],
    ['a wrong name', waiting('InvalidImageName', ''), 'ImagePullFailed', /name is not valid/],
    ['a missing Secret', waiting('CreateContainerConfigError', 'secret "shop-s" not found'), 'ConfigurationMissing', /secret "shop-s" not found/],
    ['a missing key', waiting('CreateContainerConfigError', 'couldn\'t find key A in ConfigMap'), 'ConfigurationMissing', /key A/],
    ['another fault of the configuration', waiting('CreateContainerConfigError', 'container has runAsNonRoot'), 'StartupFailed', /runAsNonRoot/],
    ['no command', waiting('RunContainerError', 'no command specified'), 'StartupFailed', /no command specified/],
    ['a program that is not there', pod(ended(128, { reason: 'StartError', message: 'exec: "/app": no such file' })), 'StartupFailed', /cannot be started: exec: "\/app"/],
    ['too much memory', pod(ended(137, { reason: 'OOMKilled' })), 'OutOfMemory', /more than its 64 MiB/],
    ['a signal', pod(ended(139)), 'StartupFailed', /signal 11 before it was ready/],
    ['an end without fault', pod({ container: { state: { terminated: { exitCode: 0 } as never } } }), 'StartupFailed', /exit code 0 before it was ready/],
    ['an eviction', pod({ status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on disk' } }), 'StartupFailed', /low on disk/],
    ['a node that turns it away', pod({ status: { phase: 'Failed', reason: 'OutOfcpu', message: '' } }), 'Unschedulable', /OutOfcpu/],
  ])('%s', (_what, broken, reason, message) => {
    expect(run([broken]).failure).toMatchObject({ reason, message: expect.stringMatching(message) });
  });

  test('the first crash counts, with the lines Kubernetes kept', () => {
    const { failure } = run([pod(ended(1, { message: '\u001b[31mSyntaxError: invalid syntax\u001b[0m\r\n' }))]);
    expect(failure).toMatchObject({ reason: 'StartupFailed', log: 'SyntaxError: invalid syntax' });
    expect(completeMessage(failure!, undefined)).toBe('The function\'s process ended with exit code 1 before it was ready. Last lines of the log:\nSyntaxError: invalid syntax');
  });

  test('a runtime\'s usage record is no message: the log is asked for, of the right life', () => {
    const record = JSON.stringify({ fnplane: 1, instance: 'x', totals: {} });
    expect(run([pod(ended(1, { message: record }))]).failure?.evidence).toEqual({ kind: 'log', pod: 'shop-r00001-x', podUid: 'pod-1', previous: true, restarts: 1 });
    expect(run([pod({ container: { state: { terminated: { exitCode: 1 } as never } } })]).failure?.evidence?.previous).toBe(false);
  });

  test('a revision that served before loops, it did not fail to start', () => {
    expect(run([pod(ended(1))], { served: true }).failure?.reason).toBe('CrashLooping');
  });

  test('a pod that is ready again is no failure', () => {
    expect(run([pod({ ...ended(1), ready: true })]).failure).toBeUndefined();
  });
});

describe('time', () => {
  const running = (startedAt: number, more: PodOptions = {}): Pod => pod({ container: { state: { running: { startedAt: at(startedAt) } } }, createdAt: startedAt, ...more });

  test('a running pod has its time, then is reported with its log', () => {
    expect(run([running(NOW - 5_000)])).toEqual({ failure: undefined, againAfterMs: NOT_READY_AFTER_MS - 5_000 });
    expect(run([running(NOW - NOT_READY_AFTER_MS)]).failure).toMatchObject({ reason: 'NotReadyInTime', evidence: { kind: 'log', previous: false } });
  });

  test('a pod that ceased to be ready counts from then', () => {
    expect(run([running(NOW - 600_000, { readySince: NOW - 1_000 })]).failure).toBeUndefined();
  });

  test('a pod that is not even started is reported with what Kubernetes noted', () => {
    const creating = pod({ container: { state: { waiting: { reason: 'ContainerCreating' } } }, createdAt: NOW - NOT_READY_AFTER_MS });
    const { failure } = run([creating]);
    expect(failure).toMatchObject({ reason: 'NotReadyInTime', evidence: { kind: 'events' } });
    expect(completeMessage(failure!, 'FailedMount: no such volume')).toContain('Kubernetes says: FailedMount: no such volume');
  });

  test('a pod whose files are not there says what is missing', () => {
    const { failure } = run([pod({ container: { state: { waiting: { reason: 'ContainerCreating' } } }, createdAt: NOW - NOT_READY_AFTER_MS })]);
    expect(completeDiagnosis(failure!, 'MountVolume.SetUp failed for volume "secret-0" : secret "shop-live-1" not found'))
      .toEqual({ reason: 'ConfigurationMissing', message: 'The function\'s configuration is not there: secret "shop-live-1" not found.' });
    expect(completeDiagnosis(failure!, 'FailedMount: no such volume')).toMatchObject({ reason: 'NotReadyInTime', message: expect.stringContaining('no such volume') });
    const running = run([pod({ container: { state: { running: { startedAt: at(NOW - NOT_READY_AFTER_MS) } } }, createdAt: NOW - NOT_READY_AFTER_MS })]).failure!;
    expect(completeDiagnosis(running, 'my own log says: secret "x" not found').reason).toBe('NotReadyInTime');
  });

  test('a pod without a place is reported when others had time to leave', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available.' }] as never;
    const unplaced = (age: number): Pod => pod({ createdAt: NOW - age, status: { phase: 'Pending', conditions } });
    expect(run([unplaced(1_000)]).failure).toBeUndefined();
    expect(run([unplaced(UNSCHEDULED_AFTER_MS)]).failure).toMatchObject({ reason: 'Unschedulable', message: expect.stringContaining('100m CPU and 64 MiB (3 Insufficient memory)') });
  });

  test('no pods yet is no failure', () => {
    expect(run([])).toEqual({ failure: undefined, againAfterMs: undefined });
  });
});

describe('refused pods', () => {
  const deployment = (message: string, status = 'True'): Deployment => ({ metadata: { name: 'd' }, spec: { replicas: 2 }, status: { conditions: [{ type: 'ReplicaFailure', status, message }] } }) as Deployment;
  const refused = (message: string) => run([], { deployment: deployment(message) }).failure;

  test.each([
    ['pods "a" is forbidden: exceeded quota: tenant, requested: limits.memory=512Mi,requests.memory=512Mi, used: limits.memory=1Gi,requests.memory=1Gi, limited: limits.memory=1Gi,requests.memory=1Gi',
      'QuotaRefused', /\(memory: 1Gi allowed, 1Gi in use, 512Mi more needed\)/],
    ['pods "a" is forbidden: exceeded quota: tenant, requested: limits.cpu=1,pods=1, used: limits.cpu=2,pods=10, limited: limits.cpu=2,pods=10',
      'QuotaRefused', /CPU: 2 allowed, 2 in use, 1 more needed; pods: 10 allowed, 10 in use, 1 more needed/],
    ['pods "a" is forbidden: maximum memory usage per Container is 256Mi, but limit is 512Mi', 'QuotaRefused', /at most 256Mi of memory for one pod; the function asks for 512Mi/],
    ['pods "a" is forbidden: failed quota: tenant: must specify limits.cpu', 'QuotaRefused', /must specify limits\.cpu/],
    ['pods "a" is forbidden: violates PodSecurity "restricted:latest": hostPort', 'AdmissionRefused', /Pod Security rules refuse the pods: violates PodSecurity/],
    ['admission webhook "x" denied the request: no', 'AdmissionRefused', /denied the request: no/],
  ])('%s', (message, reason, words) => {
    expect(refused(message)).toMatchObject({ reason, message: expect.stringMatching(words) });
  });

  test('a refusal that is over is none, nor one that all pods outlived', () => {
    expect(run([], { deployment: deployment('exceeded quota', 'False') }).failure).toBeUndefined();
    expect(run([pod({}), pod({})], { deployment: deployment('exceeded quota') }).failure).toBeUndefined();
  });
});
