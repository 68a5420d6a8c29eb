import { afterEach, expect, test, vi } from 'vitest';
import { lastSuccess, MeterLoop, type MeterSource } from './meter-loop.js';

const loops: MeterLoop[] = [];
afterEach(() => Promise.all(loops.splice(0).map((loop) => loop.stop(1_000))));

function begin(cluster: string, source: MeterSource, book: () => Promise<void>): MeterLoop {
  const loop = new MeterLoop(cluster, source, book);
  loops.push(loop);
  loop.start(5);
  return loop;
}

async function shown(cluster: string): Promise<Record<string, number>> {
  const { values } = await lastSuccess.get();
  return Object.fromEntries(values.filter(({ labels }) => labels.cluster === cluster).map(({ labels, value }) => [labels.source, value]));
}

test('a source that was never booked counts from when reading began, and one that is booked hides none that is not', async () => {
  const began = Date.now() / 1000;
  let booked = 0;
  const broken = begin('lagging', 'gateway', () => Promise.reject(new Error('away')));
  begin('lagging', 'gateway', async () => { booked += 1; });
  begin('lagging', 'pods', async () => undefined);
  const at = broken.bookedAt;
  await vi.waitFor(() => expect(booked).toBeGreaterThan(3));
  const { gateway, pods } = await shown('lagging');
  expect(gateway).toBe(at);
  expect(gateway).toBeGreaterThanOrEqual(began);
  expect(pods).toBeGreaterThanOrEqual(gateway!);
});

test('what is read no more is not shown', async () => {
  const loop = begin('gone', 'pods', async () => undefined);
  expect(Object.keys(await shown('gone'))).toEqual(['pods']);
  await loop.stop(1_000);
  expect(await shown('gone')).toEqual({});
});
