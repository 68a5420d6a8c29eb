import { objectKey, type KubernetesObject } from './kubernetes-object.js';

/** Values under which an object is found; none leaves it out of the index. */
export type IndexFunction<T> = (object: T) => readonly string[];

export function byNamespace(object: KubernetesObject): readonly string[] {
  return object.metadata.namespace ? [object.metadata.namespace] : [];
}

export function byLabel(label: string): IndexFunction<KubernetesObject> {
  return (object) => {
    const value = object.metadata.labels?.[label];
    return value === undefined ? [] : [value];
  };
}

/** By the UIDs of an object's owners. */
export function byOwner(object: KubernetesObject): readonly string[] {
  return object.metadata.ownerReferences?.map((owner) => owner.uid) ?? [];
}

/** Objects by key, with indexes. */
export class ObjectStore<T extends KubernetesObject> {
  private readonly objects = new Map<string, T>();
  private readonly indexes = new Map<string, Map<string, Set<string>>>();

  constructor(private readonly indexers: Record<string, IndexFunction<T>>) {
    for (const name of Object.keys(indexers)) this.indexes.set(name, new Map());
  }

  get size(): number {
    return this.objects.size;
  }

  get(key: string): T | undefined {
    return this.objects.get(key);
  }

  values(): T[] {
    return [...this.objects.values()];
  }

  keys(): string[] {
    return [...this.objects.keys()];
  }

  byIndex(index: string, value: string): T[] {
    const entries = this.indexes.get(index);
    if (!entries) throw new TypeError(`no index ${index}`);
    return [...(entries.get(value) ?? [])].map((key) => this.objects.get(key) as T);
  }

  /** Returns what stood there before. */
  set(object: T): T | undefined {
    const key = objectKey(object);
    const before = this.objects.get(key);
    if (before) this.unindex(key, before);
    this.objects.set(key, object);
    for (const [name, indexer] of Object.entries(this.indexers)) {
      const entries = this.indexes.get(name) as Map<string, Set<string>>;
      for (const value of indexer(object)) {
        const keys = entries.get(value);
        if (keys) keys.add(key);
        else entries.set(value, new Set([key]));
      }
    }
    return before;
  }

  /** Returns what was removed. */
  remove(key: string): T | undefined {
    const before = this.objects.get(key);
    if (!before) return undefined;
    this.unindex(key, before);
    this.objects.delete(key);
    return before;
  }

  private unindex(key: string, object: T): void {
    for (const [name, indexer] of Object.entries(this.indexers)) {
      const entries = this.indexes.get(name) as Map<string, Set<string>>;
      for (const value of indexer(object)) {
        const keys = entries.get(value);
        keys?.delete(key);
        if (keys?.size === 0) entries.delete(value);
      }
    }
  }
}
