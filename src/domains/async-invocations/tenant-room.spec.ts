import { beforeEach, describe, expect, it } from 'vitest';
import { TenantRoom } from './tenant-room.js';

describe('room for a tenant\'s runs', () => {
  let now: number;
  let room: TenantRoom;
  beforeEach(() => {
    now = 1_000_000;
    room = new TenantRoom(2, () => now, () => 0.5);
    room.enter('a');
    room.enter('a');
  });

  it('is so much and no more, for each apart', () => {
    expect([room.enter('a'), room.enter('b'), room.enter('b'), room.enter('b')]).toEqual([1_000, undefined, undefined, 1_000]);
    room.leave('a', 10);
    expect(room.enter('a')).toBeUndefined();
  });

  it('is asked for again at twice the pace at which it gets free', () => {
    room.leave('a', 400);
    room.enter('a');
    expect(Array.from({ length: 4 }, () => room.enter('a'))).toEqual([1_000, 1_100, 1_200, 1_300]);
    now += 1_300;
    expect(room.enter('a')).toBe(1_000);
  });

  it('is asked for seldom while nothing ends, and at last at random times', () => {
    now += 80_000;
    expect(Array.from({ length: 4 }, () => room.enter('a'))).toEqual([1_000, 21_000, 41_000, 45_000]);
    now += 1_000;
    expect(room.enter('a')).toBe(45_000);
  });

  it('forgets who runs nothing', () => {
    room.leave('a', 90_000);
    room.leave('a', 90_000);
    room.leave('a', 90_000);
    room.enter('a');
    room.enter('a');
    expect([room.enter('a'), room.enter('a')]).toEqual([1_000, 1_000]);
  });
});
