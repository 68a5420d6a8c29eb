import { describe, expect, it } from 'vitest';
import { LABEL } from '../../../contract/names.js';
import { CLAIMED_AT, POOL_LABEL, POOL_RUNTIME_LABEL } from '../../../contract/pool-resource.js';
import type { Pod } from '../../../platform/kubernetes/kubernetes-object.js';
import { podSpans } from './pod-lifetimes.policy.js';

const FUNCTION = { [LABEL.functionId]: 'id', [LABEL.function]: 'shop', [LABEL.revision]: '3' };
const at = (seconds: number): string => new Date(Date.parse('2026-11-26T12:00:00Z') + seconds * 1_000).toISOString();
const RUNNING = { restartCount: 0, state: { running: { startedAt: at(5) } } };

interface Given {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  metadata?: object;
  status?: object;
  container?: object;
}

function podOf({ labels = {}, annotations = {}, metadata = {}, status = {}, container = RUNNING }: Given): Pod {
  return {
    metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { [LABEL.tenant]: 'tenant', ...labels }, annotations, ...metadata },
    spec: { containers: [{ name: 'function', resources: { limits: { cpu: '500m', memory: '256Mi' } } }] },
    status: { phase: 'Running', startTime: at(0), containerStatuses: [{ name: 'function', ...container }], ...status },
  } as unknown as Pod;
}

const POOL = { [POOL_LABEL]: 'waiting', [POOL_RUNTIME_LABEL]: 'node' };
const SERVING = { ...POOL, [POOL_LABEL]: 'serving', ...FUNCTION };

/** `pool 128/250 5-` */
const short = (given: Given): string => podSpans(podOf(given), 'c', Date.parse(at(999)))
  .map(({ use, memoryMb, cpuMillis, from, to }) => `${use} ${memoryMb}/${cpuMillis} ${(from - Date.parse(at(0))) / 1_000}-${to === undefined ? '' : (to - Date.parse(at(0))) / 1_000}`).join(', ');

describe('the time that a tenant has a pod for', () => {
  it.each<[string, Given, string]>([
    ['a function\'s pod counts from its container\'s start', { labels: FUNCTION }, 'function 256/500 5-'],
    ['not while its image is pulled', { labels: FUNCTION, container: { restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } } }, ''],
    ['over restarts, from the pod\'s start', { labels: FUNCTION, container: { restartCount: 2, state: { waiting: {} }, lastState: { terminated: { startedAt: at(60) } } } }, 'function 256/500 0-'],
    ['until somebody deletes it, not until it is gone', { labels: FUNCTION, metadata: { deletionTimestamp: at(130), deletionGracePeriodSeconds: 30 } }, 'function 256/500 5-100'],
    ['until it ended for good', { labels: FUNCTION, status: { phase: 'Failed' }, container: { restartCount: 0, state: { terminated: { startedAt: at(5), finishedAt: at(50) } } } }, 'function 256/500 5-50'],
    ['a container that ended is not the pod', { labels: FUNCTION, container: { restartCount: 0, state: { terminated: { startedAt: at(5), finishedAt: at(50) } } } }, 'function 256/500 5-'],
    ['one that ended before it was deleted', { labels: FUNCTION, status: { phase: 'Succeeded' }, metadata: { deletionTimestamp: at(100) }, container: { restartCount: 0, state: { terminated: { startedAt: at(5), finishedAt: at(50) } } } }, 'function 256/500 5-50'],
    ['a pod that waits, at the pool\'s size', { labels: POOL }, 'pool 128/250 5-'],
    ['a pod that was claimed and does not serve yet', { labels: { ...POOL, [POOL_LABEL]: 'claimed' }, annotations: { [CLAIMED_AT]: at(40) } }, 'pool 128/250 5-40'],
    ['a pod that came out of the pool: each part once', { labels: SERVING, annotations: { [CLAIMED_AT]: at(40) } }, 'pool 128/250 5-40, function 256/500 40-'],
    ['and went', { labels: SERVING, annotations: { [CLAIMED_AT]: at(40) }, metadata: { deletionTimestamp: at(90), deletionGracePeriodSeconds: 30 } }, 'pool 128/250 5-40, function 256/500 40-60'],
    ['a claim without a time is no waiting', { labels: SERVING }, 'pool 128/250 5-5, function 256/500 5-'],
    ['what is no pod of a function or pool', { labels: { [LABEL.component]: 'pre-pull' } }, ''],
  ])('%s', (_, given, expected) => {
    expect(short(given)).toBe(expected);
  });
});
