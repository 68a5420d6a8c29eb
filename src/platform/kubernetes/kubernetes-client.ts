import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { isNotFound, KubernetesError, timeoutError } from './kubernetes-errors.js';
import { requestsTotal } from './kubernetes-metrics.js';
import { objectKey, type KubernetesObject, type ObjectRef } from './kubernetes-object.js';
import { KubernetesTransport, type RawTarget, type TransportOptions, type TransportRequest, type TransportStream } from './kubernetes-transport.js';
import { apiVersionOf, resourcePath, type ResourceType } from './resource-type.js';
import { readWatchEvents, type WatchEvent } from './watch-stream.js';

export type KubernetesClientOptions = TransportOptions;

/** What every verb takes besides its subject. */
export interface CallOptions {
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface Selection {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface ListOptions extends Selection, CallOptions {
  /** Objects a page, default 500. */
  limit?: number;
}

export interface Page<T> {
  items: T[];
  /** Where a watch may go on; the same on all pages of one list. */
  resourceVersion: string;
}

export interface ApplyOptions extends CallOptions {
  fieldManager: string;
  /** Take fields over from other managers. Default true: the platform's objects are its own. */
  force?: boolean;
  dryRun?: boolean;
}

export interface CreateOptions extends CallOptions {
  /** Who owns the fields. Default: the user agent's name. */
  fieldManager?: string;
}

export interface DeleteOptions extends CallOptions {
  /** Proof of ownership: the object is deleted only while it has this UID. */
  uid?: string;
  resourceVersion?: string;
  /** Default `Background`. */
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  gracePeriodSeconds?: number;
}

export interface PatchOptions extends CallOptions {
  fieldManager?: string;
  subresource?: string;
}

export interface WatchOptions extends Selection {
  resourceVersion: string;
  /** The server ends the watch after it. */
  timeoutSeconds: number;
  signal: AbortSignal;
}

export interface PodLogOptions extends CallOptions {
  container?: string;
  tailLines?: number;
  limitBytes?: number;
  /** Of the container's previous life. */
  previous?: boolean;
}

export interface FollowLogOptions {
  container: string;
  /** Of the container's previous life; it ends where that ended. */
  previous?: boolean;
  /** Only lines from this time on; the node looks at whole seconds. */
  since?: Date;
  signal: AbortSignal;
}

/** A Service or Pod port reached through the API server. */
export interface ProxyTarget {
  kind: 'services' | 'pods';
  namespace: string;
  name: string;
  port: number;
}

export interface ProxyRequest extends CallOptions {
  method: Dispatcher.HttpMethod;
  /** Path and query at the target, beginning with `/`. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

interface ListBody<T> {
  metadata?: { resourceVersion?: string; continue?: string };
  items?: T[] | null;
}

/**
 * A cluster's API: few generic verbs over {@link ResourceType}s, JSON as the server sends it (unknown fields kept).
 * Each call has a deadline (default 10 s) and throws {@link KubernetesError}. One instance a cluster and process;
 * {@link close} ends its connections.
 */
export class KubernetesClient {
  readonly cluster: string;
  private readonly transport: KubernetesTransport;

  constructor(options: KubernetesClientOptions) {
    this.cluster = options.cluster;
    this.transport = new KubernetesTransport(options);
  }

  /** Throws `KUBERNETES_NOT_FOUND` when it does not exist. */
  async get<T extends KubernetesObject>(type: ResourceType, ref: ObjectRef, options: CallOptions = {}): Promise<T> {
    return this.json<T>({ method: 'GET', path: resourcePath(type, ref), verb: 'get', resource: type.plural, idempotent: true, ...options });
  }

  /** As {@link get}, but null when it does not exist. */
  async find<T extends KubernetesObject>(type: ResourceType, ref: ObjectRef, options: CallOptions = {}): Promise<T | null> {
    return this.get<T>(type, ref, options).catch((error: unknown) => {
      if (isNotFound(error)) return null;
      throw error;
    });
  }

  /** All objects of a selection, read in pages. Prefer {@link pages} where they may be many. */
  async list<T extends KubernetesObject>(type: ResourceType, options: ListOptions = {}): Promise<Page<T>> {
    const all: Page<T> = { items: [], resourceVersion: '' };
    for await (const page of this.pages<T>(type, options)) {
      all.items.push(...page.items);
      all.resourceVersion = page.resourceVersion;
    }
    return all;
  }

  /** The pages of one consistent list. `KUBERNETES_EXPIRED` when reading took so long that the server forgot it. */
  async *pages<T extends KubernetesObject>(type: ResourceType, options: ListOptions = {}): AsyncGenerator<Page<T>> {
    const { namespace, labelSelector, fieldSelector, limit = 500, timeoutMs, signal } = options;
    let token: string | undefined;
    do {
      const body: ListBody<T> = await this.json<ListBody<T>>({
        method: 'GET', path: resourcePath(type, { ...(namespace ? { namespace } : {}) }), verb: 'list', resource: type.plural, idempotent: true,
        query: { labelSelector, fieldSelector, limit, continue: token }, timeoutMs, signal,
      });
      token = body.metadata?.continue;
      yield { items: body.items ?? [], resourceVersion: body.metadata?.resourceVersion ?? '' };
    } while (token);
  }

  /** Server-side apply: creates, or changes exactly the fields `object` names. Answers with the object as it is now. */
  async apply<T extends KubernetesObject>(type: ResourceType, object: KubernetesObject, options: ApplyOptions): Promise<T> {
    const { fieldManager, force = true, dryRun, ...call } = options;
    const { name, namespace } = object.metadata;
    return this.json<T>({
      method: 'PATCH', path: resourcePath(type, { name, ...(namespace ? { namespace } : {}) }), verb: 'apply', resource: type.plural, idempotent: true,
      query: { fieldManager, force, dryRun: dryRun ? 'All' : undefined },
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
      ...call,
    });
  }

  /** JSON merge patch (RFC 7386): lists are replaced as a whole, null removes. */
  async patch<T extends KubernetesObject>(type: ResourceType, ref: ObjectRef, patch: object, options: PatchOptions = {}): Promise<T> {
    const { fieldManager, subresource, ...call } = options;
    return this.json<T>({
      method: 'PATCH', path: resourcePath(type, { ...ref, ...(subresource ? { subresource } : {}) }), verb: 'patch',
      resource: subresource ? `${type.plural}/${subresource}` : type.plural, idempotent: true,
      query: { fieldManager }, headers: { 'content-type': 'application/merge-patch+json' }, body: JSON.stringify(patch), ...call,
    });
  }

  /** Merge-patches the status subresource; `status` is the whole new status. */
  async patchStatus<T extends KubernetesObject>(type: ResourceType, ref: ObjectRef, status: object, options: Omit<PatchOptions, 'subresource'> = {}): Promise<T> {
    return this.patch<T>(type, ref, { status }, { ...options, subresource: 'status' });
  }

  /** `KUBERNETES_CONFLICT` when it exists. Costs the API server a third less than {@link apply} of what is not there. */
  async create<T extends KubernetesObject>(type: ResourceType, object: KubernetesObject, options: CreateOptions = {}): Promise<T> {
    const { namespace } = object.metadata;
    const { fieldManager, ...call } = options;
    return this.json<T>({
      method: 'POST', path: resourcePath(type, { ...(namespace ? { namespace } : {}) }), verb: 'create', resource: type.plural,
      query: { fieldManager }, headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }), ...call,
    });
  }

  /** PUT: with `metadata.resourceVersion` it succeeds only on the version that was read. */
  async replace<T extends KubernetesObject>(type: ResourceType, object: KubernetesObject, options: CallOptions = {}): Promise<T> {
    const { name, namespace } = object.metadata;
    return this.json<T>({
      method: 'PUT', path: resourcePath(type, { name, ...(namespace ? { namespace } : {}) }), verb: 'replace', resource: type.plural,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }), ...options,
    });
  }

  /** `gone` when there was nothing to delete. A precondition that does not hold throws `KUBERNETES_CONFLICT`. */
  async delete(type: ResourceType, ref: ObjectRef, options: DeleteOptions = {}): Promise<'deleted' | 'gone'> {
    const { uid, resourceVersion, propagationPolicy = 'Background', gracePeriodSeconds, ...call } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    try {
      await this.transport.send({
        method: 'DELETE', path: resourcePath(type, ref), verb: 'delete', resource: type.plural, idempotent: uid !== undefined,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions, propagationPolicy, gracePeriodSeconds }), ...call,
      });
      return 'deleted';
    } catch (error) {
      if (isNotFound(error)) return 'gone';
      throw error;
    }
  }

  /**
   * Changes after `resourceVersion`, until the server ends the watch (the generator returns) or something breaks (it
   * throws; `KUBERNETES_EXPIRED` for a version too old, whether the server says so by status or inside the stream).
   * Use a Reflector unless you need the bare thing.
   */
  async *watch<T extends KubernetesObject>(type: ResourceType, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal } = options;
    const { body } = await this.transport.stream({
      method: 'GET', path: resourcePath(type, { ...(namespace ? { namespace } : {}) }), verb: 'watch', resource: type.plural, idempotent: true, signal,
      query: { watch: true, allowWatchBookmarks: true, labelSelector, fieldSelector, resourceVersion, timeoutSeconds },
    });
    yield* readWatchEvents<T>(body, this.cluster);
  }

  /** The end of a container's log as text. Give `limitBytes`: with `tailLines` alone a long line has no bound. */
  async podLog(pod: ObjectRef, options: PodLogOptions = {}): Promise<string> {
    const { container, tailLines, limitBytes, previous, ...call } = options;
    const path = resourcePath({ group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }, { ...pod, subresource: 'log' });
    const answer = await this.transport.send({
      method: 'GET', path, verb: 'get', resource: 'pods/log', idempotent: true, query: { container, tailLines, limitBytes, previous },
      headers: { accept: '*/*' }, ...call,
    });
    return answer.body;
  }

  /**
   * A container's log as it is written, until the container ends: each line begins with the node's time stamp and a space. To be read without
   * pause: what is left lying holds up everything else on the connection.
   */
  async followPodLog(pod: ObjectRef, { container, previous, since, signal }: FollowLogOptions): Promise<Readable> {
    const path = resourcePath({ group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }, { ...pod, subresource: 'log' });
    const { body } = await this.transport.stream({
      method: 'GET', path, verb: 'watch', resource: 'pods/log', idempotent: true, signal, headers: { accept: '*/*' },
      query: { container, timestamps: true, ...(previous ? { previous } : { follow: true }), ...(since ? { sinceTime: since.toISOString() } : {}) },
    });
    return body;
  }

  /**
   * A request to a Service or Pod through the API server: for where the pod network is out of reach. The answer may
   * have any status (503 also when the API server finds no ready pod). The deadline covers the body; read or destroy it.
   * Headers of `request` whose names the platform's credentials use must be lower case, or both are sent.
   */
  async proxy(target: ProxyTarget, request: ProxyRequest): Promise<TransportStream> {
    const { dispatcher, origin, headers, pathPrefix } = await this.proxyRaw(target);
    const timeout = AbortSignal.timeout(request.timeoutMs ?? 10_000);
    const answer = await dispatcher.request({
      origin, path: `${pathPrefix}${request.path}`, method: request.method, headers: { ...request.headers, ...headers }, body: request.body ?? null,
      signal: request.signal ? AbortSignal.any([request.signal, timeout]) : timeout,
    }).catch((error: unknown) => {
      requestsTotal.inc({ cluster: this.cluster, verb: 'proxy', resource: target.kind, code: timeout.aborted ? 'timeout' : 'error' });
      if (timeout.aborted) throw timeoutError(this.cluster, error);
      throw new KubernetesError('upstream', 'KUBERNETES_UNAVAILABLE', `cluster ${this.cluster}: ${objectKey(target)} cannot be reached through the API server`, { cause: error });
    });
    requestsTotal.inc({ cluster: this.cluster, verb: 'proxy', resource: target.kind, code: String(answer.statusCode) });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body as Readable };
  }

  /**
   * For callers that dispatch themselves: send to `origin`, with `pathPrefix` before the path and `headers` set last.
   * Ask again for each request: credentials and connections are replaced now and then. Costs no request.
   */
  async proxyRaw(target: ProxyTarget): Promise<RawTarget & { pathPrefix: string }> {
    const raw = await this.transport.raw();
    const type: ResourceType = { group: '', version: 'v1', plural: target.kind, kind: target.kind, namespaced: true };
    const prefix = resourcePath(type, { namespace: target.namespace, name: `${target.name}:${target.port}`, subresource: 'proxy' });
    return { ...raw, pathPrefix: `${raw.basePath}${prefix}` };
  }

  /** Any path of the API server; the answer as text. For `/version`, `/readyz` and the like. */
  async raw(method: Dispatcher.HttpMethod, path: string, options: CallOptions & { body?: string; contentType?: string; accept?: string } = {}): Promise<string> {
    const { body, contentType, accept = '*/*', ...call } = options;
    const answer = await this.transport.send({
      method, path, verb: method.toLowerCase(), resource: 'raw', idempotent: method === 'GET', ...(body === undefined ? {} : { body }),
      headers: { accept, ...(contentType ? { 'content-type': contentType } : {}) }, ...call,
    });
    return answer.body;
  }

  async close(): Promise<void> {
    await this.transport.close();
  }

  private async json<T>(request: TransportRequest): Promise<T> {
    const { body } = await this.transport.send(request);
    try {
      return JSON.parse(body) as T;
    } catch (error) {
      throw new KubernetesError('upstream', 'KUBERNETES_UNAVAILABLE', `cluster ${this.cluster} answered something that is not JSON`, { cause: error });
    }
  }
}
