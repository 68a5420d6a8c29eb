import type { CallOptions, KubernetesClient } from './kubernetes-client.js';
import { isNotFound } from './kubernetes-errors.js';
import { apiVersionOf, type ResourceType } from './resource-type.js';

/** Whether a cluster knows a type of a group other than the core's, as one whose definition is installed by others. */
export async function servesType(client: KubernetesClient, type: ResourceType, options: CallOptions): Promise<boolean> {
  try {
    const { resources = [] } = JSON.parse(await client.raw('GET', `/apis/${apiVersionOf(type)}`, options)) as { resources?: { name: string }[] };
    return resources.some(({ name }) => name === type.plural);
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
