import { API_GROUP, LABEL } from '../../../contract/names.js';
import { contains, contentHash } from '../../../platform/kubernetes/drift.js';
import type { KubernetesObject } from '../../../platform/kubernetes/kubernetes-object.js';
import { RESOURCE, type ResourceType } from '../../../platform/kubernetes/resource-type.js';
import { POD_SECURITY } from '../manifests/namespace.js';

/**
 * The part of an object that is the platform's: its own labels, and what the object says. Everything else (status, others'
 * labels and annotations, what controllers add to service accounts and namespaces) may be as it likes.
 */
export function ownContent(type: ResourceType, object: KubernetesObject): Record<string, unknown> {
  const labels = Object.fromEntries(Object.entries(object.metadata.labels ?? {}).filter(([name]) => isOwnLabel(name)));
  if (type.plural === RESOURCE.namespace.plural) return { labels };
  if (type.plural === RESOURCE.serviceAccount.plural) return { labels, automountServiceAccountToken: (object as { automountServiceAccountToken?: boolean }).automountServiceAccountToken ?? null };
  const { apiVersion: _, kind: __, metadata: ___, status: ____, ...rest } = object as KubernetesObject & { status?: unknown };
  return { labels, ...rest };
}

function isOwnLabel(name: string): boolean {
  return name.startsWith(`${API_GROUP}/`) || name === LABEL.managedBy || name in POD_SECURITY;
}

/** The platform's labels on `object` that `manifest` does not give it. */
export function strayLabels(manifest: KubernetesObject, object: KubernetesObject): string[] {
  return Object.keys(object.metadata.labels ?? {}).filter((name) => isOwnLabel(name) && manifest.metadata.labels?.[name] === undefined);
}

/** Whether `object` says what `manifest` asks for and nothing beyond. Empty and missing values are equal, as for the API server. */
export function isAsAsked(type: ResourceType, manifest: KubernetesObject, object: KubernetesObject): boolean {
  const [asked, found] = [ownContent(type, manifest), ownContent(type, object)];
  return contains(found, asked) && contains(asked, found);
}

/** Tells one content from another, as the API server writes it. */
export function contentFingerprint(type: ResourceType, object: KubernetesObject): string {
  return contentHash(ownContent(type, object));
}
