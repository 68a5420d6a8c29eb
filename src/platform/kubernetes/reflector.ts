import type { Logger } from 'pino';
import { partLogger } from '../observability/logger.js';
import { backoffMs, type BackoffOptions } from './backoff.js';
import type { KubernetesClient, Selection } from './kubernetes-client.js';
import { isExpired, isRefused, isNotFound, KubernetesError, timeoutError } from './kubernetes-errors.js';
import { cachedObjects, watchRestarts } from './kubernetes-metrics.js';
import { objectKey, type KubernetesObject, type ObjectRef } from './kubernetes-object.js';
import { ObjectStore, type IndexFunction } from './object-store.js';
import type { ResourceType } from './resource-type.js';
import type { WatchEvent } from './watch-stream.js';

export interface ReflectorHandlers<T> {
  onAdd?(object: T): void;
  onUpdate?(object: T, before: T): void;
  onDelete?(object: T): void;
}

export interface ReflectorOptions<T extends KubernetesObject> extends Selection {
  /** Makes the kept object out of the received one: drop what nobody reads. `managedFields` are always dropped. */
  transform?: (object: T) => T;
  indexers?: Record<string, IndexFunction<T>>;
  backoff?: BackoffOptions;
  /** The server is asked to end each watch after this time plus up to half of it. Default 300. */
  watchSeconds?: number;
  /** A watch without event or bookmark for so long is taken for dead. Bookmarks come about every minute. Default 100,000. */
  idleMs?: number;
  pageSize?: number;
}

/**
 * A cache of one kind of object, kept true by list and watch as client-go's reflector does it. It never gives up: after any
 * fault it goes on from the last version it saw, or lists anew when the server has forgotten that. Handlers run in order, one
 * by one, and get `onDelete` also for what disappeared while the watch was down; one that throws is logged and does no harm.
 */
export class Reflector<T extends KubernetesObject> {
  private readonly store: ObjectStore<T>;
  private readonly handlers = new Set<ReflectorHandlers<T>>();
  /** Keys whose cached object is the answer of an own write that the watch has not brought yet. */
  private readonly adopted = new Set<string>();
  private readonly log: Logger;
  private readonly controller = new AbortController();
  private readonly backoff: BackoffOptions;
  private readonly labels: { cluster: string; resource: string };
  private resourceVersion: string | undefined;
  private running: Promise<void> | undefined;
  private hasSynced = false;
  private resolveSynced: () => void = () => undefined;
  private readonly firstSync = new Promise<void>((resolve) => { this.resolveSynced = resolve; });
  /** `performance.now()` of the last answer, event or bookmark. */
  private contactAt = 0;
  /** And of the last whole list. */
  private listedAt = 0;

  constructor(
    private readonly client: KubernetesClient,
    private readonly type: ResourceType,
    private readonly options: ReflectorOptions<T> = {},
  ) {
    this.store = new ObjectStore<T>(options.indexers ?? {});
    // An API server that was away is found again in time for what was changed meanwhile to be put right within ten seconds.
    this.backoff = options.backoff ?? { baseMs: 250, maxMs: 8_000 };
    this.labels = { cluster: client.cluster, resource: type.plural };
    this.log = partLogger('reflector').child(this.labels);
  }

  /** Idempotent. Returns at once; see {@link synced}. */
  start(): void {
    this.running ??= this.run();
  }

  /** Ends the watch and waits for the loop; the cache keeps its last content. No handler runs afterwards. */
  async stop(): Promise<void> {
    this.controller.abort();
    await this.running;
  }

  /** Resolves when the first list is in the cache; rejects with `KUBERNETES_TIMEOUT` after `deadlineMs`. */
  async synced(deadlineMs = 30_000): Promise<void> {
    if (this.hasSynced) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(timeoutError(this.client.cluster, new Error(`${this.type.plural} were not listed`))), deadlineMs);
    });
    await Promise.race([this.firstSync, late]).finally(() => clearTimeout(timer));
  }

  get isSynced(): boolean {
    return this.hasSynced;
  }

  /** Milliseconds since the server was last heard of: how old the cache may be. */
  get staleMs(): number {
    return this.contactAt === 0 ? Number.POSITIVE_INFINITY : performance.now() - this.contactAt;
  }

  /** Handlers added after the first list get `onAdd` for what is cached already. Returns the way to take them off. */
  addHandlers(handlers: ReflectorHandlers<T>): () => void {
    this.handlers.add(handlers);
    for (const object of this.store.values()) this.call(() => handlers.onAdd?.(object));
    return () => this.handlers.delete(handlers);
  }

  get(ref: ObjectRef | string): T | undefined {
    return this.store.get(typeof ref === 'string' ? ref : objectKey(ref));
  }

  list(): T[] {
    return this.store.values();
  }

  byIndex(index: string, value: string): T[] {
    return this.store.byIndex(index, value);
  }

  /**
   * Takes the answer of one's own write into the cache, so that the next read sees it although the watch has not brought it
   * yet. Ignored when the watch is already past that version. Handlers are called when the watch brings it (as an update).
   */
  adopt(object: T): void {
    const version = versionOf(object);
    if (version === undefined || !this.hasSynced) return;
    const seen = toVersion(this.resourceVersion);
    const cached = this.store.get(objectKey(object));
    if (seen === undefined || version <= seen || (cached && (versionOf(cached) ?? version) >= version)) return;
    this.store.set(this.prepare(object));
    this.adopted.add(objectKey(object));
  }

  private async run(): Promise<void> {
    let failures = 0;
    while (!this.controller.signal.aborted) {
      try {
        if (this.resourceVersion === undefined) await this.relist();
        const events = await this.watch();
        // A server that accepts and at once ends watches must not be hammered.
        failures = events > 0 ? 0 : failures + 1;
        this.restart('ended');
        if (failures < 3) continue;
      } catch (error) {
        if (this.controller.signal.aborted) break;
        failures = this.noteFailure(error, failures);
        if (failures === 0) continue;
      }
      await this.pause(backoffMs(failures, this.backoff));
    }
  }

  /** Returns the number of failures in a row; 0 asks for an immediate relist. */
  private noteFailure(error: unknown, failures: number): number {
    if (isExpired(error)) {
      this.restart('expired');
      // An API server that started anew answers so, after all the failures there were: it is there, and a list helps at once. One that calls what
      // it has just listed too old must not be hammered.
      const helps = this.resourceVersion !== undefined && performance.now() - this.listedAt > this.backoff.baseMs;
      this.resourceVersion = undefined;
      return helps ? 0 : failures + 1;
    }
    this.restart('error');
    // What is refused or missing (a CRD not yet there) may come back different: a fresh list tells.
    if (isRefused(error) || isNotFound(error)) this.resourceVersion = undefined;
    const level = failures === 0 || failures % 10 === 9 ? 'warn' : 'debug';
    this.log[level]({ err: error instanceof KubernetesError ? { code: error.code, message: error.message } : error, failures: failures + 1 }, 'watch failed; it will be resumed');
    return failures + 1;
  }

  private restart(cause: string): void {
    watchRestarts.inc({ ...this.labels, cause });
  }

  private async relist(): Promise<void> {
    const { namespace, labelSelector, fieldSelector, pageSize } = this.options;
    const listed = new Map<string, T>();
    let version = '';
    const pages = this.client.pages<T>(this.type, {
      namespace, labelSelector, fieldSelector, limit: pageSize, signal: this.controller.signal, timeoutMs: 30_000,
    });
    for await (const page of pages) {
      for (const object of page.items) listed.set(objectKey(object), this.prepare(object));
      version = page.resourceVersion;
      this.contactAt = performance.now();
    }
    this.replaceAll(listed);
    this.resourceVersion = version;
    this.listedAt = performance.now();
    if (!this.hasSynced) {
      this.hasSynced = true;
      this.resolveSynced();
    }
  }

  private replaceAll(listed: Map<string, T>): void {
    for (const key of this.store.keys()) if (!listed.has(key)) this.removed(key);
    for (const object of listed.values()) this.stored(object);
  }

  /** Returns how many events and bookmarks came. */
  private async watch(): Promise<number> {
    const { namespace, labelSelector, fieldSelector, watchSeconds = 300, idleMs = 100_000 } = this.options;
    const attempt = new AbortController();
    const onStop = (): void => attempt.abort();
    this.controller.signal.addEventListener('abort', onStop, { once: true });
    if (this.controller.signal.aborted) attempt.abort();
    let idle = false;
    const timer = setTimeout(() => { idle = true; attempt.abort(); }, idleMs);
    let events = 0;
    try {
      const stream = this.client.watch<T>(this.type, {
        namespace, labelSelector, fieldSelector, resourceVersion: this.resourceVersion as string,
        timeoutSeconds: Math.round(watchSeconds * (1 + Math.random() / 2)), signal: attempt.signal,
      });
      for await (const event of stream) {
        if (this.controller.signal.aborted) break;
        timer.refresh();
        events += 1;
        this.take(event);
      }
    } catch (error) {
      // An idle watch is resumed like one that ended: the version it stood at is still good.
      if (!idle) throw error;
      this.restart('idle');
    } finally {
      clearTimeout(timer);
      this.controller.signal.removeEventListener('abort', onStop);
      attempt.abort();
    }
    return events;
  }

  private take(event: WatchEvent<T>): void {
    const version = event.object.metadata.resourceVersion;
    this.contactAt = performance.now();
    if (event.type === 'DELETED') this.removed(objectKey(event.object), event.object);
    else if (event.type !== 'BOOKMARK') this.stored(this.prepare(event.object));
    // Only now: had a handler been missed, resuming would bring the event again.
    if (version) this.resourceVersion = version;
  }

  private stored(object: T): void {
    const key = objectKey(object);
    const cached = this.store.get(key);
    const [before, now] = [cached && versionOf(cached), versionOf(object)];
    if (before !== undefined && now !== undefined && cached?.metadata.uid === object.metadata.uid) {
      // The cache holds the answer of a later write of ours, whose own event will come; or a relist brought nothing new.
      if (before > now || (before === now && !this.adopted.has(key))) return;
    }
    this.adopted.delete(key);
    this.store.set(object);
    this.count();
    if (!cached) return this.each((handlers) => handlers.onAdd?.(object));
    if (cached.metadata.uid !== object.metadata.uid) {
      this.each((handlers) => handlers.onDelete?.(cached));
      return this.each((handlers) => handlers.onAdd?.(object));
    }
    this.each((handlers) => handlers.onUpdate?.(object, cached));
  }

  private removed(key: string, last?: T): void {
    const before = this.store.remove(key);
    this.adopted.delete(key);
    this.count();
    if (before) this.each((handlers) => handlers.onDelete?.(last ? this.prepare(last) : before));
  }

  private prepare(object: T): T {
    const { managedFields: _, ...metadata } = object.metadata;
    const slim = { ...object, metadata } as T;
    return this.options.transform ? this.options.transform(slim) : slim;
  }

  private each(act: (handlers: ReflectorHandlers<T>) => void): void {
    for (const handlers of this.handlers) this.call(() => act(handlers));
  }

  private call(act: () => unknown): void {
    if (this.controller.signal.aborted) return;
    try {
      const result = act();
      if (result instanceof Promise) result.catch((error: unknown) => this.log.error({ err: error }, 'handler failed'));
    } catch (error) {
      this.log.error({ err: error }, 'handler failed');
    }
  }

  private count(): void {
    cachedObjects.set(this.labels, this.store.size);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.controller.signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.controller.signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** resourceVersions of one type are comparable integers (Kubernetes says so since 1.35; true of every etcd before). */
function toVersion(text: string | undefined): bigint | undefined {
  return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
}

function versionOf(object: KubernetesObject): bigint | undefined {
  return toVersion(object.metadata.resourceVersion);
}
