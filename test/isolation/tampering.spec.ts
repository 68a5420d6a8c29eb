import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessListName, FUNCTION_SERVICE_ACCOUNT, LABEL, revisionName, serviceName, SYSTEM_NAMESPACE, tenantNamespace } from '../../src/contract/names.js';
import { BOUNDS } from '../../src/domains/clusters/manifests/resource-bounds.js';
import { DEFAULT_DENY, EGRESS_CLUSTER, EGRESS_INTERNET } from '../../src/domains/clusters/manifests/network-policies.js';
import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject, ObjectRef } from '../../src/platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../src/platform/kubernetes/resource-type.js';
import { randomName } from '../support/api.js';
import { eventually } from '../support/eventually.js';
import { clusterClient } from '../support/leftovers.js';
import { startPlatform, type TestPlatform } from '../support/platform.js';
import { deploy, invoke, podsOf, python } from '../support/tenant-functions.js';

/** The promise: what somebody with all rights on the cluster changed is put right within this time. */
const REPAIRED_WITHIN_MS = 10_000;
const FUNCTION = 'greeter';

/** What an object says, without what the API server and controllers write of their own. */
function content(object: KubernetesObject): unknown {
  const { metadata, status: _, ...rest } = object as KubernetesObject & { status?: unknown };
  return { labels: metadata.labels ?? {}, ...rest };
}

describe('what an administrator of the cluster changes', () => {
  let platform: TestPlatform;
  let client: KubernetesClient;
  const tenant = randomName('tampered');
  let tenantId: string;
  let namespace: string;

  beforeAll(async () => {
    client = clusterClient();
    platform = await startPlatform();
    tenantId = (await platform.tenant(tenant)).id as string;
    namespace = tenantNamespace(tenantId);
    await deploy(platform, tenant, python(FUNCTION, 'def handle(event, context):\n    return {"well": True}\n'));
  });
  afterAll(async () => {
    await platform?.stop();
    await client.close();
  });

  /** Does something to an object and waits until it says again what it said before. */
  async function expectRepair(type: ResourceType, ref: ObjectRef, tamper: () => Promise<unknown>): Promise<void> {
    const before = await client.get(type, ref);
    await tamper();
    const begun = performance.now();
    await eventually(async () => expect(content(await client.get(type, ref))).toEqual(content(before)), { withinMs: REPAIRED_WITHIN_MS });
    expect(performance.now() - begun).toBeLessThan(REPAIRED_WITHIN_MS);
  }

  const inTenant = (name: string): ObjectRef => ({ namespace, name });

  it.each([
    ['the default-deny policy', RESOURCE.networkPolicy, () => inTenant(DEFAULT_DENY)],
    ['the policy for the cluster', RESOURCE.networkPolicy, () => inTenant(EGRESS_CLUSTER)],
    ['the policy for the internet', RESOURCE.networkPolicy, () => inTenant(EGRESS_INTERNET)],
    ['the quota', RESOURCE.resourceQuota, () => inTenant(BOUNDS)],
    ['the limit range', RESOURCE.limitRange, () => inTenant(BOUNDS)],
    ['the functions\' account', RESOURCE.serviceAccount, () => inTenant(FUNCTION_SERVICE_ACCOUNT)],
    ['the access list', RESOURCE.secret, () => ({ namespace: SYSTEM_NAMESPACE, name: accessListName(tenantId) })],
    ['the function\'s service', RESOURCE.service, () => inTenant(serviceName(FUNCTION))],
    ['the function\'s policy', RESOURCE.networkPolicy, () => inTenant(serviceName(FUNCTION))],
    ['the function\'s workload', RESOURCE.deployment, () => inTenant(revisionName(FUNCTION, 1))],
  ])('is repaired when %s is deleted', async (_, type, refOf) => {
    const ref = refOf();
    const { uid } = (await client.get(type, ref)).metadata;
    const before = await client.get(type, ref);
    await client.delete(type, ref);
    const begun = performance.now();
    const found = await eventually(async () => {
      const again = await client.get(type, ref);
      expect(again.metadata.uid).not.toBe(uid);
      return again;
    }, { withinMs: REPAIRED_WITHIN_MS });
    expect(performance.now() - begun).toBeLessThan(REPAIRED_WITHIN_MS);
    expect(Object.keys(found.metadata.labels ?? {})).toEqual(Object.keys(before.metadata.labels ?? {}));
  });

  it.each([
    ['the namespace lets privileged pods in', RESOURCE.namespace, () => ({ name: namespace }), { metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } } }],
    ['the namespace loses its Pod Security label', RESOURCE.namespace, () => ({ name: namespace }), { metadata: { labels: { 'pod-security.kubernetes.io/enforce': null } } }],
    ['the namespace calls itself another tenant\'s', RESOURCE.namespace, () => ({ name: namespace }), { metadata: { labels: { [LABEL.tenant]: '00000000-0000-4000-8000-000000000000' } } }],
    ['the namespace calls itself the data path', RESOURCE.namespace, () => ({ name: namespace }), { metadata: { labels: { [LABEL.dataPath]: 'true' } } }],
    ['the default-deny policy is opened', RESOURCE.networkPolicy, () => inTenant(DEFAULT_DENY), { spec: { ingress: [{}], egress: [{}] } }],
    ['the quota is raised', RESOURCE.resourceQuota, () => inTenant(BOUNDS), { spec: { hard: { pods: '100000', 'requests.cpu': '5000' } } }],
    ['the functions\' account mounts its token', RESOURCE.serviceAccount, () => inTenant(FUNCTION_SERVICE_ACCOUNT), { automountServiceAccountToken: true }],
    ['the function\'s service points elsewhere', RESOURCE.service, () => inTenant(serviceName(FUNCTION)), { spec: { selector: { [LABEL.revision]: '99' } } }],
    ['the function\'s policy is opened', RESOURCE.networkPolicy, () => inTenant(serviceName(FUNCTION)), { spec: { ingress: [{}] } }],
    ['the function asks for no credential', RESOURCE.function, () => inTenant(FUNCTION), { spec: { authentication: 'none' } }],
    ['the function asks for more pods', RESOURCE.function, () => inTenant(FUNCTION), { spec: { scaling: { min: 9, max: 50 } } }],
  ])('is put right when %s', async (_, type, refOf, patch) => {
    const ref = refOf();
    await expectRepair(type, ref, () => client.patch(type, ref, patch));
  });

  it('is put right when the workload runs another image, loses its labels or its bounds', async () => {
    const ref = inTenant(revisionName(FUNCTION, 1));
    const deployment = await client.get<KubernetesObject & { spec: { template: { spec: { containers: { image: string }[] } } } }>(RESOURCE.deployment, ref);
    const image = deployment.spec.template.spec.containers[0]!.image;
    const [container] = deployment.spec.template.spec.containers;
    // A tenant's image that does exist, were it let: the digest of nothing keeps the pod from ever running it.
    const foreign = image.replace(/sha256:.*/, `sha256:${'0'.repeat(64)}`);
    await expectRepair(RESOURCE.deployment, ref, () => client.patch(RESOURCE.deployment, ref, {
      metadata: { labels: { [LABEL.function]: 'other' } }, spec: { template: { spec: { automountServiceAccountToken: true, containers: [{ ...container, image: foreign, securityContext: null, resources: null }] } } },
    }));
    await eventually(async () => {
      const pods = await podsOf(client, tenantId, FUNCTION);
      expect(pods.map((pod) => pod.spec!.containers[0]!.image)).toEqual([image]);
    }, { withinMs: 60_000 });
  });

  it('cannot change what a revision runs at all', async () => {
    const { spec } = await client.get<KubernetesObject & { spec: { revisions: { image: string }[] } }>(RESOURCE.function, inTenant(FUNCTION));
    const revisions = spec.revisions.map((revision) => ({ ...revision, image: revision.image.replace(/sha256:.*/, `sha256:${'0'.repeat(64)}`) }));
    await expect(client.patch(RESOURCE.function, inTenant(FUNCTION), { spec: { revisions } })).rejects.toThrow(/a revision cannot be changed/);
  });

  it('comes back as a whole when the Function is deleted, and serves', async () => {
    await client.delete(RESOURCE.function, inTenant(FUNCTION), { propagationPolicy: 'Foreground' });
    const begun = performance.now();
    await eventually(async () => expect((await client.get(RESOURCE.function, inTenant(FUNCTION))).metadata.deletionTimestamp).toBeUndefined(), { withinMs: 2 * REPAIRED_WITHIN_MS });
    expect(performance.now() - begun).toBeLessThan(2 * REPAIRED_WITHIN_MS);
    await eventually(async () => expect(await invoke(platform, tenant, FUNCTION)).toEqual({ well: true }), { withinMs: 60_000 });
  });
});
