import type { KubernetesClient } from '../../src/platform/kubernetes/kubernetes-client.js';
import type { KubernetesObject } from '../../src/platform/kubernetes/kubernetes-object.js';
import type { ResourceType } from '../../src/platform/kubernetes/resource-type.js';

interface DiscoveredResource {
  name: string;
  kind: string;
  namespaced: boolean;
  verbs: string[];
}

/** Every kind of object in namespaces that the API server can list, by its own word. */
export async function listableTypes(client: KubernetesClient): Promise<ResourceType[]> {
  const read = async <T>(path: string): Promise<T> => JSON.parse(await client.raw('GET', path, { accept: 'application/json' })) as T;
  const { groups } = await read<{ groups: { versions: { groupVersion: string }[] }[] }>('/apis');
  const paths = ['/api/v1', ...groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => `/apis/${groupVersion}`))];
  const lists = await Promise.all(paths.map((path) => read<{ groupVersion: string; resources: DiscoveredResource[] }>(path)));
  return lists.flatMap(({ groupVersion, resources }) => {
    const [version, group] = groupVersion.split('/').reverse();
    return resources.filter(({ name, namespaced, verbs }) => namespaced && !name.includes('/') && verbs.includes('list'))
      .map(({ name, kind }) => ({ group: group ?? '', version: version!, plural: name, kind, namespaced: true }));
  });
}

/** Everything in a namespace, as the API server gives it: annotations and managed fields included. */
export async function everyObject(client: KubernetesClient, namespace: string): Promise<{ type: ResourceType; object: KubernetesObject }[]> {
  const found: { type: ResourceType; object: KubernetesObject }[] = [];
  for (const type of await listableTypes(client)) {
    const { items } = await client.list<KubernetesObject>(type, { namespace });
    found.push(...items.map((object) => ({ type, object })));
  }
  return found;
}
