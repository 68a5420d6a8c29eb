import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../kubernetes-object.js';

/** What happens instead of the right answer. */
export type Fault =
  | { kind: 'status'; status: number; reason?: string; message?: string; headers?: Record<string, string> }
  /** The connection breaks without an answer. */
  | { kind: 'reset' }
  /** No answer, ever. */
  | { kind: 'hang' }
  /** The right answer, late. */
  | { kind: 'slow'; ms: number }
  /** 200 with this text. */
  | { kind: 'text'; body: string };

type Verb = 'get' | 'list' | 'watch' | 'create' | 'replace' | 'patch' | 'delete';

interface Target {
  collection: string;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
}

interface OpenWatch {
  response: ServerResponse;
  collection: string;
  namespace: string | undefined;
}

interface Change {
  version: number;
  type: string;
  collection: string;
  object: KubernetesObject;
}

/**
 * A little of the Kubernetes API over plain HTTP, to inject faults that a real server does not show on demand. It keeps
 * whatever it is sent, knows lists in pages, watches, resource versions and preconditions, and nothing of validation.
 */
export class FakeApiServer {
  readonly requests: { verb: Verb; path: string; query: URLSearchParams; headers: IncomingMessage['headers']; body: unknown }[] = [];
  private readonly server: Server = createServer((request, response) => void this.handle(request, response));
  private readonly objects = new Map<string, KubernetesObject>();
  private readonly watches = new Set<OpenWatch>();
  private readonly sockets = new Set<Socket>();
  private readonly faults: { verb: Verb; fault: Fault; times: number }[] = [];
  private changes: Change[] = [];
  private version = 100;
  private compactedAt = 0;
  connections = 0;

  async start(): Promise<string> {
    this.server.on('connection', (socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => { this.server.listen(0, '127.0.0.1', resolve); });
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** A kubeconfig to be used as trusted: it is plain HTTP. */
  get kubeconfig(): string {
    return JSON.stringify({
      'current-context': 'fake', contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
      clusters: [{ name: 'fake', cluster: { server: this.url } }], users: [{ name: 'fake', user: { token: 'secret-token' } }],
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => { this.server.close(resolve); });
  }

  /** The next `times` requests of this verb fail so. */
  fail(verb: Verb, fault: Fault, times = 1): void {
    this.faults.push({ verb, fault, times });
  }

  get openWatches(): number {
    return this.watches.size;
  }

  /** Ends all watches: as a server does at their time limit, by breaking the connection, or by saying that the version is too old. */
  endWatches(how: 'eof' | 'reset' | 'expired'): void {
    for (const watch of [...this.watches]) {
      this.watches.delete(watch);
      const { response } = watch;
      if (how === 'reset') response.destroy();
      else if (how === 'expired') response.end(`${JSON.stringify({ type: 'ERROR', object: status(410, 'Expired', 'too old resource version') })}\n`);
      else response.end();
    }
  }

  /** Sends bytes to all watchers as they are. */
  sendRaw(text: string): void {
    for (const { response } of this.watches) response.write(text);
  }

  /** Forgets all changes up to now: a watch from before gets 410. */
  compact(): void {
    this.compactedAt = this.version;
    this.changes = [];
  }

  /** Creates or changes an object of a collection such as `/api/v1/pods`, as another client would. */
  put(collection: string, object: KubernetesObject, manager = 'test'): KubernetesObject {
    const key = keyOf(collection, object.metadata.namespace, object.metadata.name);
    const before = this.objects.get(key);
    const stored = this.stamp(object, before, manager);
    this.objects.set(key, stored);
    this.publish(before ? 'MODIFIED' : 'ADDED', collection, stored);
    return stored;
  }

  /** The object as it stands. */
  find(collection: string, namespace: string | undefined, name: string): KubernetesObject | undefined {
    return this.objects.get(keyOf(collection, namespace, name));
  }

  remove(collection: string, namespace: string | undefined, name: string): void {
    const key = keyOf(collection, namespace, name);
    const object = this.objects.get(key);
    if (!object) return;
    this.objects.delete(key);
    this.publish('DELETED', collection, this.stamp(object, object));
  }

  bookmark(): void {
    const object = { metadata: { name: '', resourceVersion: String(this.version) } };
    this.sendRaw(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  private stamp(object: KubernetesObject, before: KubernetesObject | undefined, manager = 'test'): KubernetesObject {
    this.version += 1;
    const uid = before?.metadata.uid ?? object.metadata.uid ?? `uid-${this.version}`;
    return { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(this.version), managedFields: [{ manager, time: new Date().toISOString() }] } };
  }

  private publish(type: string, collection: string, object: KubernetesObject): void {
    this.changes.push({ version: this.version, type, collection, object });
    for (const watch of this.watches) {
      if (watch.collection === collection && (!watch.namespace || watch.namespace === object.metadata.namespace)) watch.response.write(`${JSON.stringify({ type, object })}\n`);
    }
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const target = parsePath(url.pathname);
    const verb = verbOf(request.method ?? 'GET', target, url.searchParams);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length > 0 ? (JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown) : undefined;
    this.requests.push({ verb, path: url.pathname, query: url.searchParams, headers: request.headers, body });
    const fault = this.nextFault(verb);
    if (fault && !(await this.play(fault, response))) return;
    if (url.pathname === '/version') response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ gitVersion: 'v0.0.0-fake' }));
    else if (verb === 'list') this.list(target, url.searchParams, response);
    else if (verb === 'watch') this.watch(target, url.searchParams, response);
    else this.single(verb, target, body as KubernetesObject | undefined, response, url.searchParams.get('fieldManager') ?? undefined);
  }

  private nextFault(verb: Verb): Fault | undefined {
    const index = this.faults.findIndex((entry) => entry.verb === verb);
    const entry = this.faults[index];
    if (!entry) return undefined;
    entry.times -= 1;
    if (entry.times === 0) this.faults.splice(index, 1);
    return entry.fault;
  }

  /** True when the right answer shall follow. */
  private async play(fault: Fault, response: ServerResponse): Promise<boolean> {
    if (fault.kind === 'status') {
      for (const [name, value] of Object.entries(fault.headers ?? {})) response.setHeader(name, value);
      answer(response, fault.status, status(fault.status, fault.reason ?? '', fault.message ?? 'injected'));
    } else if (fault.kind === 'reset') response.destroy();
    else if (fault.kind === 'text') response.end(fault.body);
    else if (fault.kind === 'slow') {
      await new Promise((resolve) => { setTimeout(resolve, fault.ms); });
      return true;
    }
    return false;
  }

  private list({ collection, namespace }: Target, query: URLSearchParams, response: ServerResponse): void {
    const all = [...this.objects.entries()]
      .filter(([key, object]) => key.startsWith(`${collection} `) && (!namespace || object.metadata.namespace === namespace))
      .map(([, object]) => object);
    const start = Number(query.get('continue') ?? 0);
    const limit = Number(query.get('limit') ?? all.length);
    const end = start + limit;
    const metadata = { resourceVersion: String(this.version), ...(end < all.length ? { continue: String(end) } : {}) };
    answer(response, 200, { kind: 'List', metadata, items: all.slice(start, end) });
  }

  private watch({ collection, namespace }: Target, query: URLSearchParams, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'));
    if (from < this.compactedAt) return answer(response, 410, status(410, 'Expired', 'too old resource version'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watch = { response, collection, namespace };
    for (const change of this.changes) {
      if (change.version > from && change.collection === collection) response.write(`${JSON.stringify({ type: change.type, object: change.object })}\n`);
    }
    this.watches.add(watch);
    response.on('close', () => this.watches.delete(watch));
  }

  private single(verb: Verb, { collection, namespace, name }: Target, body: KubernetesObject | undefined, response: ServerResponse, manager: string | undefined): void {
    const key = keyOf(collection, namespace, name ?? body?.metadata.name ?? '');
    const present = this.objects.get(key);
    if (verb === 'create') {
      if (present) return answer(response, 409, status(409, 'AlreadyExists', 'already exists'));
      return answer(response, 201, this.put(collection, body as KubernetesObject));
    }
    if (!present && verb !== 'patch') return answer(response, 404, status(404, 'NotFound', `${name} not found`));
    if (verb === 'get') return answer(response, 200, present);
    if (verb === 'delete') {
      const wanted = (body as { preconditions?: { uid?: string } } | undefined)?.preconditions?.uid;
      if (wanted && wanted !== present?.metadata.uid) return answer(response, 409, status(409, 'Conflict', 'the UID in the precondition does not match'));
      this.remove(collection, namespace, name as string);
      return answer(response, 200, status(200, '', 'deleted'));
    }
    const version = body?.metadata?.resourceVersion;
    if (version && version !== present?.metadata.resourceVersion) return answer(response, 409, status(409, 'Conflict', 'the object has been modified'));
    const merged = verb === 'patch' ? { ...present, ...body, metadata: { ...present?.metadata, ...body?.metadata } } : body;
    // What changes nothing makes no new version, and leaves the record of who wrote last.
    if (verb === 'patch' && isDeepStrictEqual(merged, present)) return answer(response, 200, present);
    answer(response, 200, this.put(collection, merged as KubernetesObject, manager));
  }
}

function verbOf(method: string, target: Target, query: URLSearchParams): Verb {
  if (method === 'GET') return query.get('watch') === 'true' ? 'watch' : target.name === undefined ? 'list' : 'get';
  return ({ POST: 'create', PUT: 'replace', PATCH: 'patch', DELETE: 'delete' } as const)[method] ?? 'get';
}

/** `/apis/g/v/namespaces/n/plural/name/sub` -> collection `/apis/g/v/plural`, and the rest. */
function parsePath(path: string): Target {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const group = parts.splice(0, parts[0] === 'api' ? 2 : 3);
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  return { collection: `/${[...group, parts[0]].join('/')}`, namespace, name: parts[1], subresource: parts[2] };
}

function keyOf(collection: string, namespace: string | undefined, name: string): string {
  return `${collection} ${namespace ?? ''}/${name}`;
}

function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', code, reason, message };
}

function answer(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
