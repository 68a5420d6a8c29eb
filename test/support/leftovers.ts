import { LABEL, accessListName, SYSTEM_NAMESPACE } from '../../src/contract/names.js';
import { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import { RESOURCE } from '../../src/platform/kubernetes/resource-type.js';
import { needed } from './platform.js';

const KINDS = ['function', 'deployment', 'replicaSet', 'pod', 'service', 'endpointSlice', 'configMap', 'secret', 'networkPolicy'] as const;

export function clusterClient(): KubernetesClient {
  return new KubernetesClient({ cluster: 'tests', source: { kind: 'file', path: needed('KUBECONFIG') } });
}

/** What still stands in a namespace of one function (by its label) or of the whole tenant, as `Kind name`. */
export async function leftovers(namespace: string, functionName?: string): Promise<string[]> {
  const client = clusterClient();
  try {
    const found: string[] = [];
    if (functionName === undefined) {
      if (await client.find(RESOURCE.namespace, { name: namespace })) found.push(`Namespace ${namespace}`);
      const tenantId = namespace.replace(/^fnp-(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
      if (await client.find(RESOURCE.secret, { namespace: SYSTEM_NAMESPACE, name: accessListName(tenantId) })) found.push(`Secret ${accessListName(tenantId)}`);
    }
    for (const kind of KINDS) {
      const { items } = await client.list(RESOURCE[kind], { namespace, ...(functionName === undefined ? {} : { labelSelector: `${LABEL.function}=${functionName}` }) });
      found.push(...items.map((item) => `${RESOURCE[kind].kind} ${item.metadata.name}`));
    }
    return found;
  } finally {
    await client.close();
  }
}
