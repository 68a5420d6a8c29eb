import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeApiServer } from './testing/fake-api-server.js';
import { KubernetesClient } from './kubernetes-client.js';
import type { Lease } from './kubernetes-object.js';
import { LeaderElection } from './leader-election.js';
import { RESOURCE } from './resource-type.js';

let server: FakeApiServer;
let client: KubernetesClient;
let elections: LeaderElection[];
let log: string[];

beforeEach(async () => {
  server = new FakeApiServer();
  await server.start();
  client = new KubernetesClient({ cluster: 'fake', source: { kind: 'inline', kubeconfig: server.kubeconfig, trusted: true }, requestTimeoutMs: 500 });
  elections = [];
  log = [];
});

afterEach(async () => {
  await Promise.all(elections.map((election) => election.stop()));
  await client.close();
  await server.stop();
});

function candidate(identity: string): LeaderElection {
  const election = new LeaderElection({
    client, namespace: 'system', name: 'operator', identity, leaseDurationMs: 1_000, renewDeadlineMs: 600, retryPeriodMs: 50,
    onElected: () => log.push(`${identity} leads`), onDeposed: () => { log.push(`${identity} stops`); },
  });
  elections.push(election);
  return election;
}

const lease = (): Promise<Lease> => client.get<Lease>(RESOURCE.lease, { namespace: 'system', name: 'operator' });

test('one of two leads; when it stops the other follows at once', async () => {
  const [a, b] = [candidate('a'), candidate('b')];
  a.start();
  await vi.waitFor(() => expect(a.isLeader).toBe(true));
  b.start();
  await vi.waitFor(() => expect(server.requests.filter(({ verb }) => verb === 'replace').length).toBeGreaterThan(3));
  expect(b.isLeader).toBe(false);
  await a.stop();
  const released = performance.now();
  await vi.waitFor(() => expect(b.isLeader).toBe(true), { timeout: 900 });
  expect(performance.now() - released).toBeLessThan(900);
  expect(log).toEqual(['a leads', 'a stops', 'b leads']);
  expect((await lease()).spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
});

test('a lease that nobody renews is taken over, not before it ran out', async () => {
  server.put('/apis/coordination.k8s.io/v1/leases', { metadata: { name: 'operator', namespace: 'system' }, spec: { holderIdentity: 'dead', leaseDurationSeconds: 1 } } as Lease);
  const election = candidate('a');
  const started = performance.now();
  election.start();
  await vi.waitFor(() => expect(election.isLeader).toBe(true), { timeout: 5_000 });
  expect(performance.now() - started).toBeGreaterThan(950);
});

test('a leader that cannot renew steps down, and leads again when it can', async () => {
  const election = candidate('a');
  election.start();
  await vi.waitFor(() => expect(election.isLeader).toBe(true));
  server.fail('replace', { kind: 'status', status: 500 }, 16);
  await vi.waitFor(() => expect(election.isLeader).toBe(false), { timeout: 5_000 });
  await vi.waitFor(() => expect(election.isLeader).toBe(true), { timeout: 5_000 });
  expect(log).toEqual(['a leads', 'a stops', 'a leads']);
});

test('a leader whose lease another took steps down', async () => {
  const election = candidate('a');
  election.start();
  await vi.waitFor(() => expect(election.isLeader).toBe(true));
  const now = await lease();
  server.put('/apis/coordination.k8s.io/v1/leases', { metadata: now.metadata, spec: { holderIdentity: 'b', leaseDurationSeconds: 60 } } as Lease);
  await vi.waitFor(() => expect(election.isLeader).toBe(false), { timeout: 5_000 });
  expect((await lease()).spec?.holderIdentity).toBe('b');
});
