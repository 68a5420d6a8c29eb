import { describe, expect, test } from 'vitest';
import type { Node, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { planPrePull, pullKey, type PrePullInput } from './pre-pull.plan.js';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const IMAGE = `registry.test/team/shop@sha256:${'a'.repeat(64)}`;
const OTHER = `registry.test/team/shop@sha256:${'b'.repeat(64)}`;

interface NodeOptions {
  images?: string[];
  ready?: boolean;
  unschedulable?: boolean;
  taint?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
}

function node(name: string, { images = [], ready = true, unschedulable, taint }: NodeOptions = {}): Node {
  return {
    metadata: { name }, spec: { unschedulable, taints: taint ? [{ key: 'k', effect: taint }] : undefined },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], images: images.map((image) => ({ names: ['tag:1', image] })) },
  } as Node;
}

function pod(name: string, { image = IMAGE, phase = 'Pending', ageMs = 1_000, deleting = false } = {}): Pod {
  return {
    metadata: { name, namespace: 'n', uid: name, creationTimestamp: new Date(NOW - ageMs).toISOString(), ...(deleting ? { deletionTimestamp: new Date(NOW).toISOString() } : {}) },
    spec: { containers: [{ name: 'pull', image }] }, status: { phase },
  } as Pod;
}

/** `+node` made, `-pod` removed. */
function short(more: Partial<PrePullInput>): string {
  const input: PrePullInput = { images: [IMAGE], nodes: [], hosts: () => new Set(), pods: [], tried: new Set(), mostNodes: 10, room: 20, now: NOW, ...more };
  const { creations, removals } = planPrePull(input);
  return [...creations.map(({ node: name, image }) => `+${name}${image === OTHER ? '*' : ''}`).sort(), ...removals.map(({ metadata }) => `-${metadata.name}`)].join(' ');
}

describe('nodes that get the image', () => {
  test.each<[string, Partial<PrePullInput>, string]>([
    ['those that lack it', { nodes: [node('a'), node('b', { images: [IMAGE] }), node('c', { images: [OTHER] })] }, '+a +c'],
    ['not those that run it already', { nodes: [node('a'), node('b')], hosts: () => new Set(['a']) }, '+b'],
    ['not those that were asked', { nodes: [node('a'), node('b')], tried: new Set([pullKey(IMAGE, 'a')]) }, '+b'],
    ['of another image they are asked all the same', { nodes: [node('a')], images: [OTHER], tried: new Set([pullKey(IMAGE, 'a')]) }, '+a*'],
    ['not those that take no pods', { nodes: [node('a', { unschedulable: true }), node('b', { taint: 'NoSchedule' }), node('c', { taint: 'NoExecute' }), node('d', { ready: false }), node('e', { taint: 'PreferNoSchedule' })] }, '+e'],
    ['three at once', { nodes: ['a', 'b', 'c', 'd', 'e'].map((name) => node(name)), pods: [pod('p1'), pod('p2')], tried: new Set([pullKey(IMAGE, 'a'), pullKey(IMAGE, 'b')]), mostNodes: 3 }, expect.stringMatching(/^\+[cde]$/) as unknown as string],
    ['no more than there is room for', { nodes: [node('a'), node('b')], room: 0 }, ''],
    ['no more than are allowed, those asked before counted', { nodes: [node('a'), node('b'), node('c')], mostNodes: 2, tried: new Set([pullKey(IMAGE, 'a')]) }, expect.stringMatching(/^\+[bc]$/) as unknown as string],
    ['none where nothing is wanted', { nodes: [node('a')], images: [] }, ''],
  ])('%s', (_, more, expected) => {
    expect(short(more)).toEqual(expected);
  });

  test('the rest waits for room', () => {
    const nodes = ['a', 'b', 'c', 'd'].map((name) => node(name));
    const plan = planPrePull({ images: [IMAGE], nodes, hosts: () => new Set(), pods: [], tried: new Set(), mostNodes: 10, room: 20, now: NOW });
    expect([plan.creations.length, plan.waits]).toEqual([3, true]);
  });

  test('many images do not go to the same few nodes', () => {
    const nodes = Array.from({ length: 40 }, (_, index) => node(`node-${index}`));
    const chosen = new Set(Array.from({ length: 40 }, (_, index) => short({ nodes, mostNodes: 1, images: [`r/i@sha256:${index}`] })));
    expect(chosen.size).toBeGreaterThan(15);
  });
});

describe('pods that pull', () => {
  test.each<[string, Partial<PrePullInput>, string]>([
    ['go when they ended', { pods: [pod('done', { phase: 'Failed' }), pod('fine', { phase: 'Succeeded' }), pod('going')] }, '-done -fine'],
    ['go when they never come to an end', { pods: [pod('stuck', { ageMs: 400_000 })] }, '-stuck'],
    ['go when their image is wanted no more', { pods: [pod('old', { image: OTHER })] }, '-old'],
    ['are not removed twice', { pods: [pod('leaving', { phase: 'Failed', deleting: true })] }, ''],
  ])('%s', (_, more, expected) => {
    expect(short(more)).toBe(expected);
  });

  test('are looked at again before they are given up', () => {
    const { againAfterMs } = planPrePull({ images: [IMAGE], nodes: [], hosts: () => new Set(), pods: [pod('a', { ageMs: 30_000 })], tried: new Set(), mostNodes: 1, room: 1, now: NOW });
    expect(againAfterMs).toBe(300_000);
  });
});
