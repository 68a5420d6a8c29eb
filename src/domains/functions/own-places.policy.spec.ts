import { describe, expect, it } from 'vitest';
import type { OwnPlace } from './function-body.js';
import { movedPlaces, placesOfTenant, remainingPlaces, type TenantPlace } from './own-places.policy.js';

const BEFORE = '2030-01-01T00:00:00.000Z';
const NOW = new Date('2030-01-02T00:00:00.000Z');
const at = (clusterId: string, state: OwnPlace['state'], since = BEFORE): OwnPlace => ({ clusterId, state, since });
const placed = (clusterId: string, state: OwnPlace['state'], wantedBy: TenantPlace['wantedBy'] = 'tenant'): TenantPlace => ({ clusterId, state, stateSince: new Date(BEFORE), wantedBy });

describe('the places of a function', () => {
  it('begin where its tenant is for all of its functions', () => {
    expect(placesOfTenant([placed('a', 'active'), placed('b', 'leaving'), placed('c', 'orphaned'), placed('d', 'active', 'functions')])).toEqual([at('a', 'active'), at('b', 'leaving')]);
  });

  it('follow the steps of a move', () => {
    const moved = movedPlaces([at('a', 'active'), at('b', 'active')], [{ kind: 'add', clusterId: 'c', state: 'pending' }, { kind: 'move', clusterId: 'a', from: 'active', to: 'leaving' }], NOW);
    expect(moved).toEqual([at('a', 'leaving', NOW.toISOString()), at('b', 'active'), at('c', 'pending', NOW.toISOString())]);
  });

  it.each<[string, OwnPlace[], TenantPlace[], string[], string[]]>([
    ['what serves stays', [at('a', 'active')], [placed('a', 'active')], ['a'], ['a']],
    ['also before the tenant is there', [at('a', 'active')], [], [], ['a']],
    ['what is taken away is known until it is gone', [at('a', 'deleting')], [placed('a', 'active')], [], ['a']],
    ['and forgotten then', [at('a', 'deleting')], [placed('a', 'active')], ['a'], []],
    ['what waits for its cluster stays, though nothing was found', [at('a', 'orphaned')], [placed('a', 'active')], ['a'], ['a']],
    ['with the tenant it goes from everywhere', [at('a', 'orphaned'), at('b', 'deleting')], [placed('a', 'orphaned')], [], []],
  ])('%s', (_, places, tenant, emptied, expected) => {
    expect(remainingPlaces(places, tenant, new Set(emptied)).map(({ clusterId }) => clusterId)).toEqual(expected);
  });
});
