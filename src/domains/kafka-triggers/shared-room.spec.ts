import { expect, it } from 'vitest';
import { SharedRoom } from './shared-room.js';

const signal = new AbortController().signal;

/** Asks for room, and tells whether it has it. */
function ask(room: SharedRoom, holder: string, units: number, stop = signal): { in: () => boolean; leave: () => void; done: Promise<unknown> } {
  let leave: (() => void) | undefined;
  const done = room.enter(holder, units, stop).then((given) => { leave = given; }, (error: unknown) => error);
  return { in: () => leave !== undefined, leave: () => leave?.(), done };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('is given in turn, and one tenant does not get all of it', async () => {
  const room = new SharedRoom(4, 2);
  const loud = [1, 2, 3].map(() => ask(room, 'loud', 1));
  const quiet = ask(room, 'quiet', 2);
  const last = ask(room, 'other', 1);
  await settled();
  expect([...loud, quiet, last].map((one) => one.in())).toEqual([true, true, false, true, false]);
  loud[0]!.leave();
  loud[0]!.leave();
  await settled();
  expect([loud[2]!.in(), last.in()]).toEqual([true, false]);
  quiet.leave();
  await settled();
  expect(last.in()).toBe(true);
});

it('is never waited for in vain: who asks for more than there is gets all that one may have, and who gives up leaves the queue', async () => {
  const room = new SharedRoom(2, 2);
  const large = ask(room, 'a', 5);
  const stop = new AbortController();
  const given = ask(room, 'b', 1, stop.signal);
  const next = ask(room, 'c', 1);
  await settled();
  expect([large.in(), given.in(), next.in()]).toEqual([true, false, false]);
  stop.abort(new Error('enough'));
  expect(await given.done).toEqual(new Error('enough'));
  large.leave();
  await settled();
  expect(next.in()).toBe(true);
});
