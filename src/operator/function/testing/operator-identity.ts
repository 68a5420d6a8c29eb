import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { SYSTEM_NAMESPACE } from '../../../contract/names.js';
import { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../../platform/kubernetes/resource-type.js';
import { buildOperatorRbac, environmentRules } from '../../manifests/operator-rbac.js';

const TYPES = {
  ServiceAccount: RESOURCE.serviceAccount, ClusterRole: RESOURCE.clusterRole, ClusterRoleBinding: RESOURCE.clusterRoleBinding, Role: RESOURCE.role, RoleBinding: RESOURCE.roleBinding,
};

/** A client that may do what the operator's exported rules allow and nothing else, through an untrusted kubeconfig. */
export async function actAsOperator(admin: KubernetesClient, adminKubeconfig: string, name: string): Promise<KubernetesClient> {
  return new KubernetesClient({ cluster: 'operator-test', source: { kind: 'inline', kubeconfig: await operatorKubeconfig(admin, adminKubeconfig, name) } });
}

/** A kubeconfig, with a token, of one that may do what the operator's exported rules allow and nothing else. */
export async function operatorKubeconfig(admin: KubernetesClient, adminKubeconfig: string, name: string): Promise<string> {
  await admin.apply(RESOURCE.namespace, { metadata: { name: SYSTEM_NAMESPACE } }, { fieldManager: 'fnplane-test' });
  for (const manifest of buildOperatorRbac(SYSTEM_NAMESPACE, name)) {
    await admin.apply(TYPES[manifest.kind as keyof typeof TYPES], manifest, { fieldManager: 'fnplane-test' });
  }
  const request = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } });
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/serviceaccounts/${name}/token`;
  const { status } = JSON.parse(await admin.raw('POST', path, { body: request, contentType: 'application/json' })) as { status: { token: string } };
  const { clusters } = parse(await readFile(adminKubeconfig, 'utf8')) as { clusters: { name: string }[] };
  return JSON.stringify({
    clusters, 'current-context': 'operator', users: [{ name: 'operator', user: { token: status.token } }],
    contexts: [{ name: 'operator', context: { cluster: clusters[0]?.name, user: 'operator' } }],
  });
}

/** As a tenant's placement does: what warm starts read, in this namespace alone. Goes with the namespace. */
export async function admitToEnvironments(admin: KubernetesClient, namespace: string, name: string): Promise<void> {
  const fieldManager = 'fnplane-test';
  const metadata = { name, namespace };
  await admin.apply(RESOURCE.role, { metadata, rules: environmentRules() } as never, { fieldManager });
  const subjects = [{ kind: 'ServiceAccount', name, namespace: SYSTEM_NAMESPACE }];
  await admin.apply(RESOURCE.roleBinding, { metadata, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name }, subjects } as never, { fieldManager });
}

export async function removeOperatorIdentity(admin: KubernetesClient, name: string): Promise<void> {
  for (const { kind, metadata } of buildOperatorRbac(SYSTEM_NAMESPACE, name)) await admin.delete(TYPES[kind as keyof typeof TYPES], metadata);
}
