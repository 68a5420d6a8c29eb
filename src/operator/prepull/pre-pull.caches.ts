import { LABEL } from '../../contract/names.js';
import type { KubernetesClient } from '../../platform/kubernetes/kubernetes-client.js';
import type { Node, Pod } from '../../platform/kubernetes/kubernetes-object.js';
import { byOwner } from '../../platform/kubernetes/object-store.js';
import { Reflector } from '../../platform/kubernetes/reflector.js';
import { RESOURCE } from '../../platform/kubernetes/resource-type.js';
import { PRE_PULL_COMPONENT } from './manifests/pre-pull-pod.js';

const BY_OWNER = 'owner';

/** Nodes with what they list, and pods that pull. */
export class PrePullCaches {
  readonly nodes: Reflector<Node>;
  readonly pods: Reflector<Pod>;

  constructor(client: KubernetesClient, options: { namespace?: string }) {
    this.nodes = new Reflector<Node>(client, RESOURCE.node, { transform: slimNode });
    this.pods = new Reflector<Pod>(client, RESOURCE.pod, { ...options, labelSelector: `${LABEL.component}=${PRE_PULL_COMPONENT}`, indexers: { [BY_OWNER]: byOwner }, transform: slimPod });
  }

  start(): void {
    this.nodes.start();
    this.pods.start();
  }

  get isSynced(): boolean {
    return this.nodes.isSynced && this.pods.isSynced;
  }

  podsOf(ownerUid: string): Pod[] {
    return this.pods.byIndex(BY_OWNER, ownerUid);
  }

  async stop(): Promise<void> {
    await Promise.all([this.nodes.stop(), this.pods.stop()]);
  }
}

function slimNode({ metadata: { name, uid, resourceVersion }, spec, status }: Node): Node {
  return {
    metadata: { name, uid, resourceVersion },
    spec: { unschedulable: spec?.unschedulable, taints: spec?.taints },
    status: { conditions: status?.conditions?.filter(({ type }) => type === 'Ready'), images: status?.images?.map(({ names }) => ({ names: names?.filter((one) => one.includes('@')) })) },
  } as Node;
}

function slimPod({ metadata: { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, ownerReferences }, spec, status }: Pod): Pod {
  return {
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp, ownerReferences, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
    spec: { containers: spec?.containers.map(({ image }) => ({ image })) }, status: { phase: status?.phase },
  } as Pod;
}
