import { describe, expect, it } from 'vitest';
import { ACCESS_LIST_KEY, type AccessList } from '../../../contract/access-list.js';
import { FUNCTION_NAME, LABEL, SYSTEM_NAMESPACE, tenantNamespace } from '../../../contract/names.js';
import type { NetworkPolicy } from '../../../platform/kubernetes/kubernetes-object.js';
import type { QuotaLimit } from '../../tenants/quota-admission.js';
import { parseBlockedEgress } from '../egress.policy.js';
import type { AccessListSecret } from './access-list.js';
import type { RoleBinding, ServiceAccount } from './identities.js';
import { DEFAULT_DENY, EGRESS_CLUSTER, EGRESS_INTERNET } from './network-policies.js';
import { buildPlacement } from './placement.js';
import type { PlacementInput } from './placement-objects.js';
import { buildLimitRange, buildResourceQuota } from './resource-bounds.js';
import { buildSystem, type ClusterRole } from './system.js';

const tenantId = '0b5a3a52-6b1a-4d0e-9d0e-2f0a6c1d2e3f';
const namespace = tenantNamespace(tenantId);
const limits: Record<QuotaLimit, number> = {
  functions: 5, revisionsKept: 5, cpuMillis: 2_000, memoryMb: 2_048, ephemeralStorageMb: 4_096, pods: 10, secrets: 10, configSets: 10, codeMb: 128,
  invocationsPerSecond: 50, invocationsPerMinute: 3_000, concurrentInvocations: 20, functionMemoryMb: 512, functionCpuMillis: 500, timeoutSeconds: 60,
};
const accessList: AccessList = { tenantId, tenant: 'team', keys: [{ id: '0123456789ab', hash: 'h', expiresAt: null }], members: [], rateLimit: { perSecond: 50, burst: 50 } };
const input: PlacementInput = { tenantId, limits, accessList, blockedEgress: parseBlockedEgress(['203.0.113.0/24']) };

const objects = buildPlacement(input);
function find<T>(plural: string, name: string): T {
  return objects.find(({ type, manifest }) => type.plural === plural && manifest.metadata.name === name)!.manifest as T;
}

describe('a placement', () => {
  it('takes no more than eleven calls, the namespace first', () => {
    expect(objects.length).toBeLessThanOrEqual(11);
    expect(objects[0].type.kind).toBe('Namespace');
    expect(new Set(objects.map(({ type, manifest }) => `${type.plural}/${manifest.metadata.name}`)).size).toBe(objects.length);
  });

  it('labels everything with its tenant, and stays in the tenant\'s namespace but for the access list', () => {
    for (const { type, manifest } of objects) {
      expect(manifest.metadata.labels).toMatchObject({ [LABEL.tenant]: tenantId, [LABEL.managedBy]: 'fnplane' });
      if (type.namespaced) expect(manifest.metadata.namespace).toBe(type.plural === 'secrets' ? SYSTEM_NAMESPACE : namespace);
    }
  });

  it('is the same for the same input', () => {
    expect(JSON.stringify(buildPlacement(structuredClone(input)))).toBe(JSON.stringify(objects));
  });

  it('enforces pod security at a pinned version', () => {
    expect(objects[0].manifest).toEqual({
      metadata: {
        name: namespace,
        labels: {
          'app.kubernetes.io/managed-by': 'fnplane', 'fnplane.dev/component': 'placement', 'fnplane.dev/tenant-id': tenantId,
          'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/enforce-version': 'v1.34',
        },
      },
    });
  });

  it('names its policies as no function can be named', () => {
    for (const { type, manifest } of objects) if (type.plural === 'networkpolicies') expect(manifest.metadata.name).not.toMatch(FUNCTION_NAME);
  });

  it('denies everything by default, both ways, for every pod', () => {
    expect(find<NetworkPolicy>('networkpolicies', DEFAULT_DENY).spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [], egress: [] });
  });

  it('opens DNS to the cluster\'s DNS pods alone, and the tenant\'s own namespaces', () => {
    expect(find<NetworkPolicy>('networkpolicies', EGRESS_CLUSTER).spec).toEqual({
      podSelector: {}, policyTypes: ['Egress'],
      egress: [
        {
          to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
          ports: [{ port: 53, protocol: 'UDP' }, { port: 53, protocol: 'TCP' }],
        },
        { to: [{ namespaceSelector: { matchLabels: { 'fnplane.dev/tenant-id': tenantId } } }] },
      ],
    });
  });

  it('opens the internet but for what is closed', () => {
    const [rule] = find<NetworkPolicy>('networkpolicies', EGRESS_INTERNET).spec!.egress!;
    const [v4] = rule!.to!;
    expect(v4!.ipBlock!.cidr).toBe('0.0.0.0/0');
    expect(v4!.ipBlock!.except).toEqual(expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '203.0.113.0/24']));
    const closed = buildPlacement({ ...input, blockedEgress: parseBlockedEgress(['0.0.0.0/0', '::/0']) }).find(({ manifest }) => manifest.metadata.name === EGRESS_INTERNET)!;
    expect((closed.manifest as NetworkPolicy).spec!.egress).toEqual([]);
  });

  it('gives functions an identity without a token, and the operator its rights here', () => {
    expect(find<ServiceAccount>('serviceaccounts', 'fnplane-function').automountServiceAccountToken).toBe(false);
    expect(find<RoleBinding>('rolebindings', 'fnplane-operator')).toMatchObject({
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'fnplane-operator-namespaced' },
      subjects: [{ kind: 'ServiceAccount', name: 'fnplane-operator', namespace: SYSTEM_NAMESPACE }],
    });
  });

  it('hands the gateways the access list as the contract says', () => {
    const secret = find<AccessListSecret>('secrets', `access-${tenantId}`);
    expect(secret.metadata.labels![LABEL.component]).toBe('access-list');
    expect(JSON.parse(Buffer.from(secret.data[ACCESS_LIST_KEY]!, 'base64').toString())).toEqual(accessList);
  });
});

describe('resource bounds', () => {
  it('leave room for a roll-out\'s surge and close what costs or opens ports', () => {
    expect(buildResourceQuota(tenantId, limits).spec.hard).toMatchObject({
      'requests.cpu': '4', 'limits.cpu': '4', 'requests.memory': '4Gi', 'limits.memory': '4Gi', 'requests.ephemeral-storage': '8Gi', 'limits.ephemeral-storage': '8Gi',
      pods: '20', 'services.nodeports': '0', 'services.loadbalancers': '0', persistentvolumeclaims: '0', 'count/services': '10', 'count/deployments.apps': '30',
    });
  });

  it.each([
    ['roomy', { functionCpuMillis: 2_000, functionMemoryMb: 2_048 }, { default: '500m', defaultRequest: '100m', max: '2' }, { default: '512Mi', defaultRequest: '128Mi', max: '2Gi' }],
    ['tight', { functionCpuMillis: 50, functionMemoryMb: 64 }, { default: '50m', defaultRequest: '50m', max: '50m' }, { default: '64Mi', defaultRequest: '64Mi', max: '64Mi' }],
  ])('keep defaults within the most a %s plan allows', (_, change, cpu, memory) => {
    const [limit] = buildLimitRange(tenantId, { ...limits, ...change }).spec.limits;
    expect({ default: limit!.default.cpu, defaultRequest: limit!.defaultRequest.cpu, max: limit!.max.cpu }).toEqual(cpu);
    expect({ default: limit!.default.memory, defaultRequest: limit!.defaultRequest.memory, max: limit!.max.memory }).toEqual(memory);
  });
});

describe('the system objects', () => {
  it('mark the platform\'s namespace as the data path\'s', () => {
    expect(buildSystem()[0].manifest.metadata).toMatchObject({ name: SYSTEM_NAMESPACE, labels: { [LABEL.dataPath]: 'true' } });
  });

  it('let the operator read ConfigMaps and Secrets of tenants by name alone, and give it no wildcard', () => {
    const role = buildSystem().find(({ type }) => type.kind === 'ClusterRole')!.manifest as ClusterRole;
    expect(role.metadata.name).toBe('fnplane-operator-namespaced');
    for (const { resources, verbs } of role.rules) {
      // Warm pools: what a revision names, and the tokens of their pods. Nothing of it can be listed, watched or deleted.
      if (resources.includes('secrets')) expect([resources, verbs]).toEqual([['secrets'], ['get', 'create', 'patch']]);
      if (resources.includes('configmaps')) expect([resources, verbs]).toEqual([['configmaps'], ['get']]);
      expect([...resources, ...verbs]).not.toContain('*');
    }
  });
});
