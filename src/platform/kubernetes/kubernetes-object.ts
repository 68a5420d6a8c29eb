/**
 * Objects as they stand on the wire. `@kubernetes/client-node`'s models describe them after its own decoding
 * (Dates for times, `_from` for `from`); {@link Wire} turns a model back into the JSON that the API server speaks.
 */
import type {
  CoreV1Event, V1Deployment, V1Lease, V1Namespace, V1NetworkPolicy, V1Pod, V1ReplicaSet, V1Secret, V1Service, V1EndpointSlice, V1Node, V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';

type WireKey<K> = K extends `_${infer Name}` ? Name : K;

/** A client-node model as JSON: times are RFC 3339 strings, reserved words have no underscore. */
export type Wire<T> = T extends Date
  ? string
  : T extends (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [K in keyof T as WireKey<K>]: Wire<T[K]> }
      : T;

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMetadata {
  name: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  finalizers?: string[];
  managedFields?: unknown[];
}

/** The least every object has. Fields a type does not name are kept all the same. */
export interface KubernetesObject {
  apiVersion?: string;
  kind?: string;
  metadata: ObjectMetadata;
}

type Typed<T> = Omit<Wire<T>, 'metadata' | 'apiVersion' | 'kind'> & KubernetesObject;

export type Deployment = Typed<V1Deployment>;
export type ReplicaSet = Typed<V1ReplicaSet>;
export type HorizontalPodAutoscaler = Typed<V2HorizontalPodAutoscaler>;
export type Pod = Typed<V1Pod>;
export type Service = Typed<V1Service>;
export type NetworkPolicy = Typed<V1NetworkPolicy>;
export type Namespace = Typed<V1Namespace>;
export type Node = Typed<V1Node>;
export type Lease = Typed<V1Lease>;
export type Secret = Typed<V1Secret>;
export type EndpointSlice = Typed<V1EndpointSlice>;
export type Event = Typed<CoreV1Event>;

/** What identifies an object of a known type. `namespace` is absent for cluster-wide types. */
export interface ObjectRef {
  namespace?: string;
  name: string;
}

/** `namespace/name`, or the name alone for cluster-wide objects: the key of caches and queues. */
export function objectKey(object: ObjectRef | KubernetesObject): string {
  const { namespace, name } = 'metadata' in object ? object.metadata : object;
  return namespace ? `${namespace}/${name}` : name;
}

/** Takes {@link objectKey} apart again. */
export function parseObjectKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
