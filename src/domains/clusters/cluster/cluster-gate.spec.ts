import { describe, expect, it } from 'vitest';
import { KubernetesError } from '../../../platform/kubernetes/kubernetes-errors.js';
import { ClusterGate } from './cluster-gate.js';

const timeout = () => Promise.reject(new KubernetesError('timeout', 'KUBERNETES_TIMEOUT', 'late'));
const refused = () => Promise.reject(new KubernetesError('forbidden', 'KUBERNETES_REFUSED', 'no'));
const answered = () => Promise.resolve('done');
const NOT_ANSWERING = { code: 'CLUSTER_NOT_ANSWERING', retryable: true };

describe('the gate of a cluster', () => {
  it('lets so much work in at once, and the next when a turn is free', async () => {
    const gate = new ClusterGate({ most: 2 });
    const ends: (() => void)[] = [];
    const held = () => gate.run(() => new Promise<void>((resolve) => ends.push(resolve)));
    const first = [held(), held()];
    const refusedWork = gate.run(answered);
    const next = gate.run(answered);
    const outcome = expect(refusedWork).rejects.toMatchObject({ code: 'CLUSTER_BUSY' });
    await outcome;
    await expect(next).rejects.toMatchObject({ code: 'CLUSTER_BUSY' });
    const waiting = gate.run(answered);
    ends.shift()!();
    expect(await waiting).toBe('done');
    ends.shift()!();
    await Promise.all(first);
  });

  it('is shut after timeouts in a row, not after anything else', async () => {
    const gate = new ClusterGate({ most: 1 });
    for (const work of [timeout, refused, timeout]) await expect(gate.run(work)).rejects.toMatchObject({ name: 'KubernetesError' });
    expect(await gate.run(answered)).toBe('done');
    for (const work of [timeout, timeout]) await expect(gate.run(work)).rejects.toMatchObject({ code: 'KUBERNETES_TIMEOUT' });
    expect(() => gate.run(answered)).toThrow(expect.objectContaining(NOT_ANSWERING));
  });

  it('is shut and opened by heartbeats', async () => {
    const gate = new ClusterGate({ most: 1 });
    gate.heard(true);
    expect(() => gate.run(answered)).toThrow(expect.objectContaining(NOT_ANSWERING));
    gate.heard(false);
    expect(await gate.run(answered)).toBe('done');
  });

  it('turns away who waited while the cluster was found out', async () => {
    const gate = new ClusterGate({ most: 1 });
    let end: (() => void) | undefined;
    const first = gate.run(() => new Promise<void>((resolve) => { end = resolve; }));
    const waiting = gate.run(answered);
    gate.heard(true);
    end!();
    await first;
    await expect(waiting).rejects.toMatchObject({ code: 'CLUSTER_NOT_ANSWERING' });
  });
});
