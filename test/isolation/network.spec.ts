import { execFile } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../deploy/local/cluster/ports.ts';
import { serviceName, tenantNamespace } from '../../src/contract/names.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { EndpointSlice, Node, Service } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { pushCustomImage } from '../support/custom-image.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { needed, startPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, invoke, python, readyPod, SMALL } from '../support/tenant-functions.js';
import { accepts, echoes, Listener } from './listener.js';
import { Neighbour } from './neighbour.js';
import { PROBE, type ProbeResult, type ProbeTarget } from './probe.js';

const run = promisify(execFile);

/** Hosts elsewhere, as the test makes them: private, carrier-grade NAT, and one that is nobody's (RFC 5737), which stands for the internet. */
const PRIVATE = ['10.99.0.1', '172.31.99.1', '192.168.99.1'];
const CGNAT = '100.64.9.1';
const INTERNET = '203.0.113.7';
const METADATA = '169.254.169.254';

/** What the wall may answer: nothing at all, or a router's no. A refusal by the target would mean that packets got through. */
const WALLED: readonly ProbeResult['outcome'][] = ['silent', 'unreachable'];

interface Tenant {
  name: string;
  id: string;
  podIp: string;
}

describe('the network of a tenant', () => {
  let platform: TestPlatform;
  let client: KubernetesClient;
  let ours: Tenant;
  let theirs: Tenant;
  let theirServiceIp: string;
  let nodeIp: string;
  let node: Node;
  let neighbour: Neighbour;
  const listeners: Listener[] = [];

  beforeAll(async () => {
    client = clusterClient();
    node = (await client.list<Node>(RESOURCE.node)).items[0]!;
    nodeIp = node.status!.addresses!.find(({ type }) => type === 'InternalIP')!.address;
    if (!Object.values(networkInterfaces()).flat().some((found) => found?.address === nodeIp)) throw new Error('these tests need a cluster whose node is this machine');
    [platform, neighbour] = await Promise.all([startPlatform(), Neighbour.start([...PRIVATE, CGNAT, INTERNET], await freePort())]);
    [ours, theirs] = await Promise.all([settle('ours'), settle('theirs')]);
    theirServiceIp = (await client.get<Service>(RESOURCE.service, { namespace: tenantNamespace(theirs.id), name: serviceName('probe') })).spec!.clusterIP!;
  });
  afterAll(async () => {
    await platform?.stop();
    await Promise.all([neighbour?.stop(), ...listeners.map((listener) => listener.close())]);
    await client.close();
  });

  /** A tenant with two probes: one that asks, one to be asked. */
  async function settle(prefix: string): Promise<Tenant> {
    const name = randomName(prefix);
    const { id } = await platform.tenant(name);
    await Promise.all(['probe', 'sibling'].map((each) => deploy(platform, name, python(each, PROBE, { timeoutSeconds: 20 }))));
    return { name, id, podIp: (await readyPod(client, id, 'probe')).status!.podIP! };
  }

  async function open(host: string, port = 0): Promise<Listener> {
    const listener = await Listener.open(host, port);
    listeners.push(listener);
    return listener;
  }

  async function probe(tenant: Tenant, targets: ProbeTarget[]): Promise<Record<string, ProbeResult['outcome']>> {
    const results = await invoke<ProbeResult[]>(platform, tenant.name, 'probe', { targets });
    return Object.fromEntries(results.map(({ name, outcome }) => [name, outcome]));
  }

  async function demandWalled(targets: ProbeTarget[]): Promise<void> {
    const outcomes = await probe(ours, targets);
    expect(Object.keys(outcomes)).toHaveLength(targets.length);
    expect(Object.entries(outcomes).filter(([, outcome]) => !WALLED.includes(outcome))).toEqual([]);
  }

  it('lets a function resolve names, reach its tenant\'s functions and the internet', async () => {
    const sibling = await readyPod(client, ours.id, 'sibling');
    expect(await probe(ours, [
      { name: 'cluster DNS', kind: 'resolve', host: 'kubernetes.default.svc.cluster.local', port: 443 },
      { name: 'service name', kind: 'http', host: 'sibling', port: 80 },
      { name: 'full service name', kind: 'http', host: `sibling.${tenantNamespace(ours.id)}.svc.cluster.local`, port: 80 },
      { name: 'pod address', kind: 'http', host: sibling.status!.podIP!, port: 8080 },
      { name: 'internet by TCP', kind: 'tcp', host: INTERNET, port: neighbour.port },
      { name: 'internet by UDP', kind: 'udp', host: INTERNET, port: neighbour.port },
    ])).toEqual({
      'cluster DNS': 'connected', 'service name': 'connected', 'full service name': 'connected', 'pod address': 'connected', 'internet by TCP': 'connected', 'internet by UDP': 'connected',
    });
  });

  it('keeps it from another tenant\'s functions by every address they have', async () => {
    const targets = (kind: ProbeTarget['kind']): ProbeTarget[] => [
      { name: `${kind} pod`, kind, host: theirs.podIp, port: 8080 },
      { name: `${kind} service address`, kind, host: theirServiceIp, port: 80 },
      { name: `${kind} service name`, kind, host: `probe.${tenantNamespace(theirs.id)}.svc.cluster.local`, port: 80 },
    ];
    // Its own tenant reaches the very same addresses: they do answer.
    expect(Object.values(await probe(theirs, targets('http')))).toEqual(['connected', 'connected', 'connected']);
    await Promise.all([
      demandWalled([...targets('tcp'), ...targets('http'), ...targets('udp')]),
      probe(theirs, [{ name: 'ours', kind: 'tcp', host: ours.podIp, port: 8080 }]).then((outcomes) => expect(outcomes).toEqual({ ours: 'silent' })),
    ]);
  });

  it('keeps it from them by a node port too, which only an administrator of the cluster can have opened', async () => {
    const doors = randomName('doors');
    await client.create(RESOURCE.namespace, { metadata: { name: doors } });
    try {
      const door = await client.create<Service>(RESOURCE.service, { metadata: { name: 'door', namespace: doors }, spec: { type: 'NodePort', ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }] } } as Service);
      await client.create(RESOURCE.endpointSlice, {
        metadata: { name: 'door', namespace: doors, labels: { 'kubernetes.io/service-name': 'door' } },
        addressType: 'IPv4', endpoints: [{ addresses: [theirs.podIp], conditions: { ready: true } }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      } as EndpointSlice);
      const port = (door.spec as { ports: { nodePort: number }[] }).ports[0]!.nodePort;
      // From the node itself it leads to the pod: the door is open.
      await eventually(async () => expect(await accepts(nodeIp, port)).toBe(true), { withinMs: 20_000 });
      await demandWalled((['tcp', 'http'] as const).map((kind): ProbeTarget => ({ name: `${kind} node port`, kind, host: nodeIp, port })));
      // A tenant cannot have one: its namespace's quota allows none.
      const refused = await client.create(RESOURCE.service, { metadata: { name: 'own-door', namespace: tenantNamespace(theirs.id) }, spec: { type: 'NodePort', ports: [{ port: 80, targetPort: 8080 }] } } as Service).then(() => 'made', (error: Error) => error.message);
      expect(refused).toMatch(/exceeded quota/);
    } finally {
      await client.delete(RESOURCE.namespace, { name: doors });
    }
  });

  it('keeps it from the API server, the kubelet and the machine\'s own services', async () => {
    const { items } = await client.list<EndpointSlice>(RESOURCE.endpointSlice, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=kubernetes' });
    const apiServers = items.flatMap((slice) => (slice.endpoints ?? []).flatMap(({ addresses }) => addresses.map((host) => ({ host, port: slice.ports![0]!.port! }))));
    const kubelet = { host: nodeIp, port: node.status!.daemonEndpoints!.kubeletEndpoint!.Port };
    for (const { host, port } of [...apiServers, kubelet]) expect([host, port, await accepts(host, port)]).toEqual([host, port, true]);
    const portOf = (url: string): number => Number(new URL(url).port);
    const loopback = [platform.api, platform.gateway, platform.management, platform.databaseUrl, `http://${needed('FNPLANE_TEST_REGISTRY')}`].map(portOf);
    await demandWalled([
      { name: 'API server by its service', kind: 'tcp', host: 'kubernetes.default.svc.cluster.local', port: 443 },
      ...apiServers.map(({ host, port }): ProbeTarget => ({ name: `API server at ${host}`, kind: 'tcp', host, port })),
      { name: 'kubelet', kind: 'tcp', ...kubelet },
      ...loopback.map((port): ProbeTarget => ({ name: `port ${port}`, kind: 'tcp', host: nodeIp, port })),
    ]);
  });

  it('keeps it from the node by each of the node\'s addresses, although somebody listens there', async () => {
    const { gateway } = await invoke<{ gateway: string }>(platform, ours.name, 'probe', { routes: true });
    const wire = await hostEndOf(ours.podIp);
    const opened = await Promise.all([open(nodeIp), open(gateway), open('::')]);
    const places = [
      { listener: opened[0], from: nodeIp, host: nodeIp },
      { listener: opened[1], from: gateway, host: gateway },
      ...wire.linkLocal.map((address) => ({ listener: opened[2], from: `${address}%${wire.device}`, host: `${address}%eth0` })),
    ];
    for (const { listener, from } of places) expect([from, await accepts(from, listener.port), await echoes(from, listener.port)]).toEqual([from, true, true]);
    await demandWalled(places.flatMap(({ listener, host }) => both(host, listener.port)));
    expect(opened.flatMap(({ peers }) => peers)).not.toContain(ours.podIp);
  });

  it('keeps it from private, carrier and link-local addresses, and from foreign DNS', async () => {
    const resolver = await open(nodeIp, 53).catch(() => undefined);
    for (const host of neighbour.addresses) expect([host, await accepts(host, neighbour.port), await echoes(host, neighbour.port)]).toEqual([host, true, true]);
    const before = neighbour.peers.length;
    await demandWalled([
      ...neighbour.addresses.filter((host) => host !== INTERNET).flatMap((host) => both(host, neighbour.port)),
      { name: 'metadata', kind: 'http', host: METADATA, port: 80 },
      { name: 'metadata by TCP', kind: 'tcp', host: METADATA, port: 80 },
      ...(resolver ? both(nodeIp, 53) : []),
    ]);
    expect(neighbour.peers.slice(before)).toEqual([]);
    expect(resolver?.peers ?? []).toEqual([]);
  });

  it('keeps even the own tenant from a container whose requests the gateway counts', async () => {
    const { byTag } = await pushCustomImage(ours.id, 'counted', 'v1');
    await deploy(platform, ours.name, { name: 'counted', runtime: 'image', image: byTag, metering: 'gateway', resources: SMALL });
    const pod = await readyPod(client, ours.id, 'counted');
    // The gateway reaches it.
    expect(await invoke(platform, ours.name, 'counted', { some: 'thing' })).toMatchObject({ image: 'v1', method: 'POST' });
    await demandWalled([
      { name: 'service name', kind: 'http', host: 'counted', port: 80 },
      { name: 'pod', kind: 'http', host: pod.status!.podIP!, port: 8080 },
    ]);
  });

  it('stands as soon as a pod does', async () => {
    // No moment in which a fresh pod is not walled in yet: its very first packets, sent while it is being imported, are stopped.
    const targets: Omit<ProbeTarget, 'name' | 'kind'>[] = [{ host: nodeIp, port: node.status!.daemonEndpoints!.kubeletEndpoint!.Port }, { host: theirs.podIp, port: 8080 }, { host: PRIVATE[0]!, port: neighbour.port }];
    const early = `${PROBE}\nFOUND = handle({"data": {"targets": ${JSON.stringify(targets.map((target) => ({ ...target, name: target.host, kind: 'tcp' })))}}}, None)\n\n\ndef handle(event, context):\n    return FOUND\n`;
    await deploy(platform, ours.name, python('early', early));
    const found = await invoke<ProbeResult[]>(platform, ours.name, 'early');
    expect(found.map(({ outcome }) => outcome)).toEqual(['silent', 'silent', 'silent']);
  });
});

function both(host: string, port: number): ProbeTarget[] {
  return (['tcp', 'udp'] as const).map((kind) => ({ name: `${host} ${port} ${kind}`, kind, host, port }));
}

/** The node's end of a pod's wire, and the IPv6 addresses it has by itself. */
async function hostEndOf(podIp: string): Promise<{ device: string; linkLocal: string[] }> {
  const json = async <T>(...args: string[]): Promise<T> => JSON.parse((await run('ip', ['-j', ...args])).stdout) as T;
  const [route] = await json<{ dev: string }[]>('route', 'get', podIp);
  const [link] = await json<{ addr_info: { family: string; local: string; scope: string }[] }[]>('addr', 'show', 'dev', route!.dev);
  return { device: route!.dev, linkLocal: link!.addr_info.filter(({ family, scope }) => family === 'inet6' && scope === 'link').map(({ local }) => local) };
}
