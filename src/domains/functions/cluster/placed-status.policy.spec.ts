import { describe, expect, it } from 'vitest';
import type { Condition, FunctionResource } from '../../../contract/function-resource.js';
import type { PlacementState } from '../../clusters/placement-states.js';
import { basisOf, mergePlaced } from './placed-status.policy.js';

const SINCE = '2030-01-01T00:00:00Z';
const condition = (type: Condition['type'], status: Condition['status'], message = ''): Condition => ({ type, status, reason: status === 'True' ? 'Ready' : 'Deploying', message, lastTransitionTime: SINCE });

function resource(generation: number, ready: Condition['status'], serving: Condition['status'], pods: [replicas: number, ready: number], message = ''): FunctionResource {
  return {
    metadata: { name: 'f', namespace: 'n' }, spec: {},
    status: { observedPlatformGeneration: generation, replicas: pods[0], readyReplicas: pods[1], conditions: [condition('Ready', ready, message), condition('Serving', serving)] },
  } as unknown as FunctionResource;
}

const told = ({ status }: FunctionResource) => [status?.observedPlatformGeneration, ...(status?.conditions ?? []).map(({ type, status: value }) => `${type} ${value}`), `${status?.readyReplicas}/${status?.replicas}`].join(' ');
const good = resource(2, 'True', 'True', [2, 2]);

describe('a function on several clusters', () => {
  it.each<[string, (FunctionResource | undefined)[], string]>([
    ['one cluster: as it is there', [good], '2 Ready True Serving True 2/2'],
    ['ready on all: ready, with the pods of all', [good, resource(2, 'True', 'True', [3, 3])], '2 Ready True Serving True 5/5'],
    ['not ready on one: not ready, and it serves', [good, resource(2, 'False', 'False', [1, 0])], '2 Ready False Serving True 2/3'],
    ['one that is behind speaks for all', [good, resource(1, 'True', 'True', [1, 1])], '1 Ready True Serving True 3/3'],
    ['not there yet on one: not ready, and it serves', [good, undefined], '2 Ready False Serving True 2/2'],
    ['served by none', [resource(2, 'False', 'False', [1, 0]), resource(2, 'False', 'False', [1, 0])], '2 Ready False Serving False 0/2'],
  ])('%s', (_, resources, expected) => {
    expect(told(mergePlaced(good, resources.map((one, index) => ({ clusterName: `c${index}`, resource: one }))))).toBe(expected);
  });

  it('names the cluster it is missing on', () => {
    expect(mergePlaced(good, [{ clusterName: 'east', resource: good }, { clusterName: 'west', resource: undefined }]).status?.conditions?.[0]).toMatchObject({ reason: 'Placing', message: 'It is not on cluster west yet.' });
  });

  it('is told by what was heard where nothing else is known', () => {
    expect(mergePlaced(good, [])).toBe(good);
  });

  it.each<[PlacementState[], PlacementState[]]>([
    [['active', 'pending', 'leaving'], ['active']], [['leaving', 'pending'], ['leaving']], [['pending'], ['pending']], [['deleting', 'orphaned'], []], [['active', 'active'], ['active', 'active']],
  ])('on placements that are %j is told from those that are %j', (states, expected) => {
    expect(basisOf(states.map((state) => ({ clusterId: 'c', clusterName: 'c', namespace: 'n', namespaceUid: 'u', wantedBy: 'tenant' as const, state }))).map(({ state }) => state)).toEqual(expected);
  });
});
