import { Injectable } from '@nestjs/common';
import { FIELD_MANAGER, LABEL } from '../../../contract/names.js';
import { BoundedCache } from '../../../platform/caching/bounded-cache.js';
import type { KubernetesClient } from '../../../platform/kubernetes/kubernetes-client.js';
import { isConflict } from '../../../platform/kubernetes/kubernetes-errors.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../../platform/kubernetes/resource-type.js';
import { CONFIGURATION_COMPONENT, liveMark, objectsOf, type ConfigMapObject, type EnvironmentObjects, type SecretObject } from '../manifests/environment.js';
import { LiveSecrets } from './live-secrets.js';

const REMEMBERED = 20_000;
/** Somebody may have deleted one: it is applied again after this, or as soon as the operator misses it. */
const REMEMBERED_MS = 600_000;

/** A tenant's namespace on one cluster. */
export interface Place {
  clusterId: string;
  namespace: string;
  namespaceUid: string;
}

/** A function's ConfigMaps and Secrets on a cluster: put there before they are named, taken away once nothing names them. */
@Injectable()
export class EnvironmentObjectsOnCluster {
  private readonly applied = new BoundedCache<string, true>(REMEMBERED, REMEMBERED_MS);
  /** Names that were left after the last clean-up, by cluster and function. */
  private readonly cleaned = new BoundedCache<string, string>(REMEMBERED, REMEMBERED_MS);

  constructor(private readonly live: LiveSecrets) {}

  /**
   * Puts the environments of a function's revisions in place, and new values of live ones into its pods.
   * @param anew whether to apply what was applied lately too
   */
  async apply(place: Place, client: KubernetesClient, fn: { id: string; nameKey: string }, environments: readonly EnvironmentObjects[], anew: boolean): Promise<void> {
    const live: KubernetesObject[] = [];
    for (const environment of environments) {
      const { configMaps, secrets } = objectsOf(environment);
      const applied = await Promise.all([
        ...configMaps.map((object) => this.send(place, client, RESOURCE.configMap, object, anew)),
        ...secrets.map((object) => this.send(place, client, RESOURCE.secret, object, anew)),
      ]);
      live.push(...applied.filter((object) => object !== undefined));
    }
    const mark = liveMark(fn.nameKey, environments);
    if (mark !== undefined) await this.live.hurry({ client, namespace: place.namespace, functionId: fn.id, live, mark });
  }

  /**
   * Of a live object the name says nothing of what is in it, and another worker may have written it last: it is applied each
   * time, which changes nothing where nothing differs.
   * @returns a live object as it is now
   */
  private async send(place: Place, client: KubernetesClient, type: ResourceType, object: ConfigMapObject | SecretObject, anew: boolean): Promise<KubernetesObject | undefined> {
    const key = keyOf(place, object.metadata.name);
    if (object.immutable && !anew && this.applied.get(key)) return undefined;
    const applied = await client.apply<KubernetesObject>(type, object, { fieldManager: FIELD_MANAGER.worker });
    if (!object.immutable) return applied;
    this.applied.set(key, true);
    return undefined;
  }

  /** Nothing can be left of a function that was never there before. */
  isFresh(clusterId: string, functionId: string, names: readonly string[]): void {
    this.cleaned.set(`${clusterId}/${functionId}`, names.join());
  }

  /** Whether anything but `names` may be left on the cluster. */
  needsCleaning(clusterId: string, functionId: string, names: readonly string[]): boolean {
    return this.cleaned.get(`${clusterId}/${functionId}`) !== names.join();
  }

  /** Deletes the function's ConfigMaps and Secrets but those in `names`. */
  async clean(place: Place, client: KubernetesClient, functionId: string, names: readonly string[]): Promise<void> {
    const { namespace } = place;
    const labelSelector = `${LABEL.functionId}=${functionId},${LABEL.component}=${CONFIGURATION_COMPONENT}`;
    for (const type of [RESOURCE.configMap, RESOURCE.secret]) {
      const { items } = await client.list<KubernetesObject>(type, { namespace, labelSelector });
      for (const { metadata } of items.filter((item) => !names.includes(item.metadata.name))) {
        await client.delete(type, { namespace, name: metadata.name }, { uid: metadata.uid }).catch((error: unknown) => {
          if (!isConflict(error)) throw error;
        });
        this.applied.delete(keyOf(place, metadata.name));
      }
    }
    this.cleaned.set(`${place.clusterId}/${functionId}`, names.join());
  }
}

/** With the namespace's uid: in one that was made anew nothing of the old one is left. */
function keyOf(place: Place, name: string): string {
  return `${place.clusterId}/${place.namespaceUid}/${name}`;
}
