import { describe, expect, it } from 'vitest';
import { TenantTurns } from './tenant-turns.js';

const OPTIONS = { perTenant: 2, maxWaiting: 3, maxWaitMs: 5_000 };

describe('turns of a tenant\'s work', () => {
  it('come at once up to the tenant\'s part, then in the order of asking, and never more at once', async () => {
    const turns = new TenantTurns(OPTIONS);
    const order: number[] = [];
    expect([turns.enter('a'), turns.enter('a')]).toEqual([undefined, undefined]);
    const waiting = [1, 2, 3].map((number) => turns.enter('a')!.then(() => order.push(number)));
    turns.leave('a');
    await waiting[0];
    // The place was handed on: one who comes now does not slip in.
    expect(order).toEqual([1]);
    turns.leave('a');
    turns.leave('a');
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  it('do not depend on other tenants', () => {
    const turns = new TenantTurns(OPTIONS);
    for (let i = 0; i < 2; i++) expect(turns.enter('a')).toBeUndefined();
    for (let i = 0; i < 2; i++) expect(turns.enter('b')).toBeUndefined();
  });

  it('are refused when too many wait, or one waits too long, and the next one is not held up by that', async () => {
    const turns = new TenantTurns({ ...OPTIONS, perTenant: 1, maxWaitMs: 20 });
    void turns.enter('a');
    const waiting = [1, 2, 3].map(() => turns.enter('a')!);
    expect(() => turns.enter('a')).toThrow(expect.objectContaining({ code: 'DATABASE_BUSY', retryable: true }));
    for (const result of await Promise.allSettled(waiting)) expect(result).toMatchObject({ status: 'rejected', reason: { code: 'DATABASE_BUSY' } });
    turns.leave('a');
    expect(turns.enter('a')).toBeUndefined();
  });
});
