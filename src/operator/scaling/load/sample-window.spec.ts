import { describe, expect, test } from 'vitest';
import { SampleWindow, WINDOW_MS } from './sample-window.js';

/** `[seconds, requests, in flight, life]`. */
function windowOf(...looks: [number, number, number?, string?][]): SampleWindow {
  const window = new SampleWindow();
  for (const [seconds, total, inFlight = 0, instance = 'a'] of looks) window.add({ at: seconds * 1_000, total, inFlight, instance });
  return window;
}

describe('requests a second', () => {
  test.each<[string, SampleWindow, number | undefined]>([
    ['are not known from one look', windowOf([0, 5]), undefined],
    ['are what was added over the time', windowOf([0, 5], [2, 205]), 100],
    ['are an average of the window', windowOf([0, 0], [2, 400], [4, 400]), 100],
    ['leave out what is older than the window', windowOf([0, 0], [2, 9_000], [4, 9_000], [6, 9_000], [8, 9_000], [10, 9_000], [12, 9_000], [14, 9_012]), 1],
    ['begin anew with another life', windowOf([0, 900], [2, 1_000], [4, 10, 0, 'b'], [6, 30, 0, 'b']), 10],
    ['begin anew when the counter fell', windowOf([0, 900], [2, 10], [4, 30]), 10],
    ['are not known right after that', windowOf([0, 900], [2, 1_000], [4, 10, 0, 'b']), undefined],
    ['are counted over a longer time when looks are rare', windowOf([0, 0], [20, 200], [40, 600]), 20],
    ['are not guessed over a long silence', windowOf([0, 0], [100, 600]), undefined],
  ])('%s', (_, window, expected) => {
    expect(window.perSecond).toBe(expected);
  });
});

test('requests in flight are averaged', () => {
  expect(windowOf([0, 0, 4], [2, 1, 2]).concurrency).toBe(3);
  expect(windowOf().concurrency).toBeUndefined();
});

test('says when there were requests', () => {
  const window = new SampleWindow();
  const add = (at: number, total: number, inFlight = 0, instance = 'a'): boolean => window.add({ at, total, inFlight, instance });
  expect([add(0, 0), add(1, 0), add(2, 1), add(3, 1), add(4, 1, 1), add(5, 0, 0, 'b'), add(6, 3, 0, 'c')]).toEqual([false, false, true, false, true, false, true]);
});

test('keeps a bounded number of looks', () => {
  const window = new SampleWindow();
  for (let look = 0; look <= 5_000; look += 1) window.add({ at: look, total: look, inFlight: 0, instance: 'a' });
  expect(window.seconds * 1_000).toBeLessThan(WINDOW_MS);
  expect(window.perSecond).toBeCloseTo(1_000);
});
