import { afterEach, expect, test, vi } from 'vitest';
import { queueDepth, queueOldest } from './kubernetes-metrics.js';
import { WorkQueue, type WorkOutcome, type WorkQueueOptions } from './work-queue.js';

let queue: WorkQueue;
afterEach(() => queue.drain(1_000));

function make(handle: (key: string) => Promise<WorkOutcome | void>, options: Partial<WorkQueueOptions> = {}): WorkQueue {
  queue = new WorkQueue({ name: 'test', concurrency: 4, handle, backoff: { baseMs: 5, maxMs: 20 }, ...options });
  return queue;
}

/** A handler whose runs end when told. */
class Gate {
  readonly runs: string[] = [];
  private readonly open: (() => void)[] = [];

  readonly handle = (key: string): Promise<void> => {
    this.runs.push(key);
    return new Promise((resolve) => { this.open.push(resolve); });
  };

  release(): void {
    for (const resolve of this.open.splice(0)) resolve();
  }
}

test('nothing runs before resume; many adds of a waiting key run once', async () => {
  const runs: string[] = [];
  make(async (key) => { runs.push(key); });
  for (let index = 0; index < 50; index += 1) queue.add('a/x');
  expect(runs).toEqual([]);
  expect(queue.depth).toBe(1);
  queue.resume();
  await queue.idle();
  expect(runs).toEqual(['a/x']);
});

test('a key never runs twice at once, and once more when it was added meanwhile', async () => {
  const gate = new Gate();
  make(gate.handle);
  queue.resume();
  queue.add('a/x');
  for (let index = 0; index < 10; index += 1) queue.add('a/x');
  expect(gate.runs).toEqual(['a/x']);
  gate.release();
  await vi.waitFor(() => expect(gate.runs).toEqual(['a/x', 'a/x']));
  gate.release();
  await queue.idle();
  expect(gate.runs).toHaveLength(2);
});

test('groups take turns: a flood of one does not keep another waiting', async () => {
  const runs: string[] = [];
  make(async (key) => { runs.push(key); }, { concurrency: 1 });
  for (let index = 0; index < 100; index += 1) queue.add(`flood/${index}`);
  queue.add('small/1');
  queue.add('small/2');
  queue.resume();
  await queue.idle();
  expect(runs.indexOf('small/1')).toBeLessThan(3);
  expect(runs.indexOf('small/2')).toBeLessThan(5);
  expect(runs).toHaveLength(102);
});

test('concurrency is bounded, and of one group more tightly', async () => {
  const gate = new Gate();
  make(gate.handle, { concurrency: 3, groupConcurrency: 2 });
  queue.resume();
  for (let index = 0; index < 5; index += 1) queue.add(`a/${index}`);
  expect(gate.runs).toEqual(['a/0', 'a/1']);
  queue.add('b/0');
  queue.add('b/1');
  expect(gate.runs).toEqual(['a/0', 'a/1', 'b/0']);
  await vi.waitFor(() => {
    gate.release();
    expect(gate.runs).toHaveLength(7);
  });
});

test('a failure is retried with a growing delay until it succeeds; the count starts anew afterwards', async () => {
  const failures: number[] = [];
  let runs = 0;
  make(async () => {
    runs += 1;
    if (runs < 4) throw new Error('not yet');
  }, { onFailure: (_key, _error, count) => failures.push(count) });
  queue.resume();
  queue.add('a/x');
  await vi.waitFor(() => expect(runs).toBe(4));
  expect(failures).toEqual([1, 2, 3]);
});

test('a key that failed waits its delay although it was added meanwhile', async () => {
  const times: number[] = [];
  make(async () => {
    times.push(performance.now());
    if (times.length === 1) {
      queue.add('a/x');
      throw new Error('no');
    }
  }, { backoff: { baseMs: 60, maxMs: 60, jitter: 0 } });
  queue.resume();
  queue.add('a/x');
  await vi.waitFor(() => expect(times).toHaveLength(2));
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(50);
});

test('delays: the earlier one counts, an add jumps them, forget cancels them', async () => {
  const runs: string[] = [];
  make(async (key) => { runs.push(key); });
  queue.resume();
  queue.addAfter('a/late', 60_000);
  queue.addAfter('a/late', 10);
  queue.addAfter('a/now', 60_000);
  queue.add('a/now');
  queue.addAfter('a/never', 10);
  queue.forget('a/never');
  await vi.waitFor(() => expect(runs).toEqual(['a/now', 'a/late']));
});

test('a handler may ask to be run again', async () => {
  let runs = 0;
  make(async () => {
    runs += 1;
    return runs < 3 ? { againAfterMs: 5 } : {};
  });
  queue.resume();
  queue.add('a/x');
  await vi.waitFor(() => expect(runs).toBe(3));
});

test('drain waits for what runs, takes nothing more and says when it was in vain', async () => {
  const gate = new Gate();
  make(gate.handle);
  queue.resume();
  queue.add('a/x');
  queue.add('b/x');
  expect(await queue.drain(20)).toBe(false);
  queue.add('c/x');
  const drained = queue.drain(5_000);
  gate.release();
  expect(await drained).toBe(true);
  expect(gate.runs).toEqual(['a/x', 'b/x']);
  expect((await queueDepth.get()).values.find(({ labels }) => labels.queue === 'test')?.value).toBe(0);
});

test('paused it starts nothing but keeps what is added', async () => {
  const runs: string[] = [];
  make(async (key) => { runs.push(key); });
  queue.resume();
  queue.pause();
  queue.add('a/x');
  await queue.idle();
  expect(runs).toEqual([]);
  queue.resume();
  await queue.idle();
  expect(runs).toEqual(['a/x']);
});

async function oldest(): Promise<number | undefined> {
  return (await queueOldest.get()).values.find(({ labels }) => labels.queue === 'test')?.value;
}

test('the oldest key is told until a run of it succeeds: while it waits, runs, and fails; not while the queue is paused', async () => {
  let fails = true;
  const gate = new Gate();
  make(async (key) => {
    await gate.handle(key);
    if (fails) throw new Error('not yet');
  });
  queue.add('a/x');
  expect(await oldest()).toBe(0);
  queue.resume();
  await vi.waitFor(async () => expect(await oldest()).toBeGreaterThan(0.03));
  const running = (await oldest())!;
  gate.release();
  await vi.waitFor(() => expect(gate.runs).toHaveLength(2));
  expect(await oldest()).toBeGreaterThan(running);
  fails = false;
  gate.release();
  await vi.waitFor(async () => expect(await oldest()).toBe(0));
  queue.add('a/y');
  queue.pause();
  expect(await oldest()).toBe(0);
  gate.release();
  await queue.drain(1_000);
  expect(await oldest()).toBeUndefined();
});

test('a key that is forgotten while it waits for its next try is not the oldest', async () => {
  make(() => Promise.reject(new Error('never')), { backoff: { baseMs: 60_000, maxMs: 60_000 } });
  queue.resume();
  queue.add('a/x');
  await vi.waitFor(async () => expect(await oldest()).toBeGreaterThan(0));
  await queue.idle();
  queue.forget('a/x');
  expect(await oldest()).toBe(0);
});
