import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FUNCTION_CONTAINER } from '../../src/contract/names.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { Pod } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { pushCustomImage } from '../support/custom-image.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { startPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, invoke, readyPod, SMALL } from '../support/tenant-functions.js';
import { LOOKING_AROUND, SHELLS, type Surroundings } from './looking-around.js';
import { execInPod } from './pod-exec.js';

type PodSpec = NonNullable<Pod['spec']>;

const RUNTIMES = ['python', 'node', 'go', 'image'] as const;
const INTERPRETED = ['python', 'node', 'go'] as const;

describe('a function\'s pod', () => {
  let platform: TestPlatform;
  let client: KubernetesClient;
  const tenant = randomName('walled');
  const strict = randomName('strict');
  const pods: Record<string, Pod> = {};

  beforeAll(async () => {
    client = clusterClient();
    platform = await startPlatform();
    const { id } = await platform.tenant(tenant);
    const { byTag } = await pushCustomImage(id, 'own', 'v1');
    const bodies = { ...LOOKING_AROUND, image: { runtime: 'image', image: byTag, metering: 'gateway' } };
    await client.create(RESOURCE.namespace, { metadata: { name: strict, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/enforce-version': 'latest' } } });
    await Promise.all(RUNTIMES.map(async (runtime) => {
      await deploy(platform, tenant, { name: runtime, resources: SMALL, ...bodies[runtime] });
      pods[runtime] = await readyPod(client, id, runtime);
    }));
    // Pods are refused until the namespace has its account.
    await eventually(() => client.get(RESOURCE.serviceAccount, { namespace: strict, name: 'default' }), { withinMs: 15_000 });
  }, 240_000);
  afterAll(async () => {
    await client.delete(RESOURCE.namespace, { name: strict });
    await platform?.stop();
    await client.close();
  });

  /** Whether a namespace that enforces the level would take the pod; nothing is kept of it. */
  async function dryRun(spec: PodSpec): Promise<string> {
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'candidate' }, spec });
    return client.raw('POST', `/api/v1/namespaces/${strict}/pods?dryRun=All`, { body, contentType: 'application/json' }).then(() => 'admitted', (error: Error) => error.message);
  }

  /** The pod as its template has it, without what placed it here. */
  function portable(runtime: string): PodSpec {
    const { nodeName: _, serviceAccountName: __, serviceAccount: ___, ...spec } = pods[runtime]!.spec!;
    return spec as PodSpec;
  }

  it.each(RUNTIMES)('of runtime %s passes Pod Security restricted', async (runtime) => {
    expect(await dryRun(portable(runtime))).toBe('admitted');
  });

  it.each([
    ['may gain privileges', { allowPrivilegeEscalation: true }],
    ['keeps capabilities', { capabilities: { drop: [] } }],
    ['runs as root', { runAsNonRoot: false }],
  ])('would be refused there if its container %s', async (_, change) => {
    const spec = portable('python');
    const [container] = spec.containers;
    expect(await dryRun({ ...spec, containers: [{ ...container!, securityContext: { ...container!.securityContext, ...change } }] } as PodSpec)).toMatch(/violates PodSecurity "restricted/);
  });

  it.each(RUNTIMES)('of runtime %s has no token, no rights, no way to write and limits on all it may take', (runtime) => {
    const { metadata, spec } = pods[runtime]!;
    expect(spec).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false, serviceAccountName: 'fnplane-function', securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } } });
    expect([spec!.hostNetwork, spec!.hostPID, spec!.hostIPC, spec!.hostUsers].filter(Boolean)).toEqual([]);
    expect(spec!.containers.map(({ name }) => name)).toEqual([FUNCTION_CONTAINER]);
    expect([...(spec!.initContainers ?? []), ...(spec!.ephemeralContainers ?? [])]).toEqual([]);
    const [container] = spec!.containers;
    expect(container!.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
    expect(container!.resources!.limits).toEqual({ cpu: '50m', memory: '96Mi', 'ephemeral-storage': expect.any(String) as string });
    expect(container!.resources!.requests).toEqual(container!.resources!.limits);
    expect(spec!.volumes!.map((volume) => Object.keys(volume).filter((key) => key !== 'name'))).toEqual([['emptyDir']]);
    expect(container!.image).toMatch(/@sha256:[0-9a-f]{64}$/);
    expect(metadata.annotations ?? {}).not.toHaveProperty('container.apparmor.security.beta.kubernetes.io/function');
  });

  it.each(INTERPRETED)('of runtime %s finds from inside what its manifest says', async (runtime) => {
    const seen = await invoke<Surroundings>(platform, tenant, runtime);
    // Shared memory is the container runtime's own tmpfs, counted against the pod's memory.
    expect({ ...seen, writable: seen.writable.filter((folder) => folder !== '/dev/shm') }).toEqual({
      uid: 65_532, gid: 65_532, writable: ['/tmp'], found: [], capabilities: '0000000000000000', noNewPrivileges: '1', seccomp: '2',
    });
  });

  it.each(RUNTIMES)('of runtime %s has no shell to be run in it', async (runtime) => {
    for (const shell of SHELLS.slice(0, 4)) {
      const { succeeded, message } = await execInPod(pods[runtime]!, [shell, '-c', 'true']);
      expect([shell, succeeded, message]).toEqual([shell, false, expect.stringMatching(/no such file|not found/)]);
    }
  });

  it('can run what its image does have, so that a missing shell is no failure of the question', async () => {
    expect(await execInPod(pods.node!, ['/usr/bin/node', '--version'])).toMatchObject({ succeeded: true, output: expect.stringMatching(/^v\d+/) as string });
  });
});
