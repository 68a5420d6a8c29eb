import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { GATEWAY_ACCOUNT } from '../../contract/gateway-rights.js';
import { SYSTEM_NAMESPACE } from '../../contract/names.js';
import { buildSystem } from '../../domains/clusters/manifests/system.js';
import { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';

/** A client with the rights of a gateway's service account and no other, which the platform makes on each of its clusters. */
export async function actAsGateway(admin: KubernetesClient, adminKubeconfig: string): Promise<KubernetesClient> {
  for (const { type, manifest } of buildSystem()) await admin.apply(type, manifest, { fieldManager: 'fnplane-worker' });
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3_600 } });
  const { status } = JSON.parse(await admin.raw('POST', `/api/v1/namespaces/${SYSTEM_NAMESPACE}/serviceaccounts/${GATEWAY_ACCOUNT}/token`, { body, contentType: 'application/json' })) as { status: { token: string } };
  const { clusters } = parse(await readFile(adminKubeconfig, 'utf8')) as { clusters: { name: string }[] };
  const kubeconfig = JSON.stringify({
    clusters, 'current-context': 'gateway', users: [{ name: 'gateway', user: { token: status.token } }], contexts: [{ name: 'gateway', context: { cluster: clusters[0]?.name, user: 'gateway' } }],
  });
  return new KubernetesClient({ cluster: 'gateway-test', source: { kind: 'inline', kubeconfig } });
}

/** What the API server says of itself: whether the client may. */
export async function mayI(client: KubernetesClient, verb: string, resource: string, namespace?: string): Promise<boolean> {
  const [, name, subresource, group = ''] = /^([a-z]+)(?:\/([a-z]+))?(?:\.([a-z0-9.]+))?$/.exec(resource)!;
  const body = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec: { resourceAttributes: { verb, group, resource: name, subresource, namespace } } });
  const answer = JSON.parse(await client.raw('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body, contentType: 'application/json' })) as { status: { allowed: boolean } };
  return answer.status.allowed;
}
